"""Reads requests from the standard input, one JSON object a line, and answers each with a line for every draw and a
manifest. The model of the last request is kept: the next one for it does not load again.

    echo '{"family": "esm2", "revision": "08e4846e…", "seed": "1", "n": 4}' | python3 -m peptide_lm
"""

import json
import os
import sys
import time

# Before torch: sums on a GPU come out alike from run to run.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from .contract import RequestError, read_request


def main():
    answers = own_standard_output()
    keeper = Keeper()
    for line in sys.stdin:
        if line.strip() == "":
            continue
        try:
            request = read_request(line)
            started = time.monotonic()
            model = keeper.model_for(request)
            load_ms = elapsed_ms(started)
            for answer in answer_lines(request, model, load_ms):
                answers.write(json.dumps(answer, allow_nan=False) + "\n")
        except RequestError as error:
            answers.write(json.dumps({"kind": "error", "message": str(error)}) + "\n")
        answers.flush()


def own_standard_output():
    """What libraries print must not come between the answers: it goes where errors go."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


class Keeper:
    """Keeps the model of the last request."""

    def __init__(self):
        self.identity = self.model = None

    def model_for(self, request):
        try:
            from .models import identity_of, load, release
        except ModuleNotFoundError as error:
            raise RequestError(
                f"the package {error.name} is not installed for {sys.executable}, the python3 of the PATH: "
                f"python3 -m pip install {error.name}, or sudo apt-get install python3-{error.name}"
            )
        identity = identity_of(request)
        if self.identity != identity:
            # The former goes first: there may be no room for two.
            if self.model is not None:
                release(self.model)
            self.identity = self.model = None
            self.model = load(request)
            self.identity = identity
        return self.model


def answer_lines(request, model, load_ms):
    from .chain import draw_chains
    from .masked import draw_gibbs, draw_infill
    from .place import check_place, describe_place

    check_place(request)
    draw = {"chain": draw_chains, "gibbs": draw_gibbs, "infill": draw_infill}[request.procedure]
    if request.procedure == "chain" and model.kind != "autoregressive":
        raise RequestError(f"{model.name} fills in masks: it cannot be sampled as a chain. Use gibbs, or infill with a target")
    if request.procedure != "chain" and model.kind != "masked":
        raise RequestError(f"{model.name} continues chains: it cannot fill in masks. Use the procedure chain")
    started = time.monotonic()
    draws = draw(model, request) if request.items else []
    wall_ms = elapsed_ms(started)
    about = {"model": model.name, "revision": model.revision}
    for item, drawn in zip(request.items, draws):
        yield {
            "kind": "draw",
            "id": item.id,
            "index": item.index,
            "seed": item.seed,
            "sequence": drawn.sequence,
            "logprob": drawn.logprob,
            "ppl": drawn.perplexity,
            "truncated": drawn.truncated,
            "excluded": drawn.excluded,
            **about,
            # They are drawn together.
            "wall_ms": round(wall_ms / len(draws), 3),
        }
    yield {
        "kind": "manifest",
        "draws": len(draws),
        "truncated": sum(drawn.truncated for drawn in draws),
        "family": request.family,
        "procedure": request.procedure,
        **about,
        **describe_place(request),
        "load_ms": load_ms,
        "wall_ms": wall_ms,
    }


def elapsed_ms(since):
    return round((time.monotonic() - since) * 1000, 3)


if __name__ == "__main__":
    main()
