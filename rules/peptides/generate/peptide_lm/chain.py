"""Chains, symbol by symbol, from a model that continues them (ProtGPT2)."""

import torch

from .choose import Stream, draw, excluded_shares, mean, probabilities
from .contract import RequestError
from .drawn import Drawn, perplexity_of
from .parts import in_parts


def draw_chains(model, request):
    return in_parts(request.items, request.batch, lambda items: _chains(model, request, items))


class Chain:
    def __init__(self, model, item):
        self.stream = Stream(item.seed)
        self.symbols = [model.start]
        self.residues = ""
        self.logprob = 0.0
        self.excluded = []
        self.truncated = False
        self.ended = False


def _chains(model, request, items):
    chains = [Chain(model, item) for item in items]
    lengths = torch.tensor([-1 if text is None else len(text) for text in model.texts])
    state = None
    while not all(chain.ended for chain in chains):
        # Those that have ended go along unheeded: the rows of a batch stay where they are.
        logits, state = model.step([chain.symbols[-1] for chain in chains], state)
        log_chances = torch.log_softmax(logits, -1)
        for chain, row in zip(chains, log_chances):
            if not chain.ended and len(chain.residues) == request.longest:
                _cut(model, chain, row)
        due = [i for i, chain in enumerate(chains) if not chain.ended]
        if due:
            _continue(model, request, [chains[i] for i in due], logits[due], log_chances[due], lengths)
    return [_drawn(chain) for chain in chains]


def _cut(model, chain, log_chances):
    """The chance of an end counts all the same: the chain is judged as the model would have ended it."""
    chain.logprob += float(log_chances[model.end])
    chain.truncated = chain.ended = True


def _continue(model, request, chains, logits, log_chances, lengths):
    allowed = torch.stack([_allowed(model, request, chain, lengths) for chain in chains])
    shares = excluded_shares(log_chances, allowed)
    chances = probabilities(logits, allowed, request, [chain.symbols for chain in chains])
    symbols = draw(chances, [chain.stream.fraction() for chain in chains])
    for chain, symbol, row, share in zip(chains, symbols, log_chances, shares):
        chain.excluded.append(share)
        chain.logprob += float(row[symbol])
        if symbol == model.end:
            chain.ended = True
        else:
            chain.symbols.append(symbol)
            chain.residues += model.texts[symbol]


def _allowed(model, request, chain, lengths):
    """What fits behind a chain: residues up to the longest length, and an end from the shortest."""
    allowed = (lengths >= 0) & (lengths <= request.longest - len(chain.residues))
    # Line breaks, which are no residues: one at a time, or a chain could go on for ever.
    if model.texts[chain.symbols[-1]] == "":
        allowed &= lengths > 0
    allowed[model.end] = len(chain.residues) >= request.shortest
    if not allowed.any():
        raise RequestError(f"{model.name} has no symbol that fits behind {chain.residues}: a peptide has {request.longest} residues at most")
    return allowed


def _drawn(chain):
    return Drawn(
        sequence=chain.residues,
        logprob=chain.logprob,
        # Per symbol, its end included; the start was given.
        perplexity=perplexity_of(chain.logprob, len(chain.symbols)),
        truncated=chain.truncated,
        excluded=mean(chain.excluded),
    )
