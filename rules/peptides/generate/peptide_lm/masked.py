"""Peptides from a model that fills in masks: resampled in turns (ESM-2), or all at once after a target (PepMLM)."""

import torch

from .choose import Stream, draw, excluded_shares, mean, probabilities
from .contract import RequestError
from .drawn import Drawn, perplexity_of
from .parts import in_like_parts


def draw_gibbs(model, request):
    """Begins with masks alone. A sweep draws every position once, in random order, a share of them at a time: those are
    masked, and drawn independently given all others."""
    peptides = _begin(model, request, "")
    turns = [_turns(peptide, request) for peptide in peptides]
    for turn in range(max(len(own) for own in turns)):
        due = [(peptide, own[turn]) for peptide, own in zip(peptides, turns) if turn < len(own)]
        for peptide, places in due:
            for place in places:
                peptide.row[peptide.first + place] = model.mask
        _fill(model, request, due)
    return _judged(model, request, peptides)


def draw_infill(model, request):
    """Behind the target, every position independently from one look."""
    peptides = _begin(model, request, request.target)
    _fill(model, request, [(peptide, range(peptide.length)) for peptide in peptides])
    return _judged(model, request, peptides)


class Peptide:
    def __init__(self, model, request, item, before):
        self.stream = Stream(item.seed)
        # Such a model ends no chain: every length is equally likely.
        self.length = request.shortest + self.stream.below(request.longest - request.shortest + 1)
        given = [*model.prefix, *(model.symbols[letter] for letter in before)]
        self.first = len(given)
        self.row = [*given, *[model.mask] * self.length, *model.suffix]
        self.excluded = []


def _begin(model, request, before):
    strange = sorted(set(before) - set(model.symbols))
    if strange:
        raise RequestError(f"target_sequence holds {', '.join(strange)}, which {model.name} does not know")
    longest = len(before) + request.longest
    if longest > model.longest:
        raise RequestError(f"{model.name} takes {model.longest} residues; the target and the longest peptide have {longest}")
    return [Peptide(model, request, item, before) for item in request.items]


def _turns(peptide, request):
    """The positions of each turn, for all sweeps."""
    size = max(1, round(request.mask_fraction * peptide.length))
    turns = []
    for _ in range(request.sweeps):
        order = peptide.stream.shuffled(peptide.length)
        turns.extend(sorted(order[i : i + size]) for i in range(0, peptide.length, size))
    return turns


def _fill(model, request, due):
    """Draws the positions of each peptide from one look at all of them."""
    looked = in_like_parts([peptide.row for peptide, _ in due], request.batch, model.logits, len)
    choices = [(peptide, peptide.first + place) for peptide, places in due for place in places]
    logits = torch.cat([rows[[peptide.first + place for place in places]] for (peptide, places), rows in zip(due, looked)])
    shares = excluded_shares(torch.log_softmax(logits, -1), model.drawable)
    chances = probabilities(logits, model.drawable, request)
    symbols = draw(chances, [peptide.stream.fraction() for peptide, _ in choices])
    for (peptide, place), symbol, share in zip(choices, symbols, shares):
        peptide.row[place] = symbol
        peptide.excluded.append(share)


def _judged(model, request, peptides):
    """Each residue's chance given all others: a look with a mask in its place."""
    places = [(peptide.row, peptide.first + i) for peptide in peptides for i in range(peptide.length)]

    def judge(part):
        looked = model.logits([[*row[:place], model.mask, *row[place + 1 :]] for row, place in part])
        return [float(torch.log_softmax(logits[place], 0)[row[place]]) for (row, place), logits in zip(part, looked)]

    chances = iter(in_like_parts(places, request.batch, judge, lambda look: len(look[0])))
    drawn = []
    for peptide in peptides:
        logprob = sum(next(chances) for _ in range(peptide.length))
        drawn.append(
            Drawn(
                sequence="".join(model.texts[symbol] for symbol in peptide.row[peptide.first :][: peptide.length]),
                logprob=logprob,
                perplexity=perplexity_of(logprob, peptide.length),
                truncated=False,
                excluded=mean(peptide.excluded),
            )
        )
    return drawn
