"""Models of one's own: a TorchScript file that says what its symbols are. Its content is its revision."""

import hashlib
import json

import torch

from .contract import RequestError
from .symbols import describe_letters, device, first_line, padded, required, residues_in, to_cpu, unpadded


def load_file(request):
    """A TorchScript module `(ids, attention_mask) → logits`; the file's extra `model.json` says what its symbols are."""
    extra = {"model.json": ""}
    try:
        network = torch.jit.load(request.weights, map_location=device(), _extra_files=extra).eval()
    except RuntimeError as error:
        raise RequestError(f"the weights are no TorchScript file that torch {torch.__version__} reads: {first_line(error)}")
    try:
        about = json.loads(extra["model.json"])
    except ValueError:
        raise RequestError("the weights hold no model.json that says what their symbols are: save them with _extra_files={'model.json': …}")
    kinds = {"autoregressive": FileChain, "masked": FileMasked}
    if about.get("kind") not in kinds:
        raise RequestError(f"model.json of the weights must have kind autoregressive or masked, not {about.get('kind')!r}")
    return kinds[about["kind"]](request, network, about)


class FileModel:
    def __init__(self, request, network, about):
        self.name, self.network = request.model, network
        self.revision = digest_of(request.weights)
        self.vocabulary = {word: symbol for symbol, word in enumerate(about["symbols"])}
        self.longest = about.get("longest", 1022)

    def symbol(self, about, role):
        return required(self.vocabulary, about.get(role), self.name)


class FileChain(FileModel):
    kind = "autoregressive"

    def __init__(self, request, network, about):
        super().__init__(request, network, about)
        self.start, self.end = self.symbol(about, "start"), self.symbol(about, "end")
        self.texts = [residues_in(word) for word in about["symbols"]]
        self.texts[self.start] = self.texts[self.end] = None

    def step(self, symbols, state):
        """Such a network keeps nothing between looks: the state is the chains themselves."""
        last = torch.tensor(symbols, device=device()).unsqueeze(1)
        ids = last if state is None else torch.cat([state, last], 1)
        return to_cpu(self.network(ids, torch.ones_like(ids))[:, -1]), ids


class FileMasked(FileModel):
    kind = "masked"

    def __init__(self, request, network, about):
        super().__init__(request, network, about)
        self.mask, self.pad = self.symbol(about, "mask"), self.symbol(about, "pad")
        self.prefix, self.suffix = [self.symbol(about, "start")], [self.symbol(about, "end")]
        describe_letters(self, self.vocabulary, len(self.vocabulary))

    def logits(self, rows):
        ids, attention = padded(rows, self.pad)
        return unpadded(to_cpu(self.network(ids, attention)), rows)


def digest_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()
