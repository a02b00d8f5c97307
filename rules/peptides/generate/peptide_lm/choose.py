"""From logits to a choice: what may be drawn, how likely, and which. The same for every model; all in float64 on the CPU, so
that a draw depends on its own row and its own random number only."""

import random

import torch

from .contract import RequestError


class Stream:
    """Random numbers of one draw, the same on every platform: Python promises that of `random()` for a whole-number seed."""

    def __init__(self, seed):
        self._random = random.Random(int(seed, 16))

    def fraction(self):
        """0 ≤ x < 1."""
        return self._random.random()

    def below(self, bound):
        return int(self.fraction() * bound)

    def shuffled(self, count):
        """0 to count - 1 in random order."""
        order = list(range(count))
        for i in range(count - 1, 0, -1):
            j = self.below(i + 1)
            order[i], order[j] = order[j], order[i]
        return order


def probabilities(logits, allowed, request, seen=()):
    """What each symbol is drawn with, a row for each choice. `allowed`: a mask over the vocabulary, one for all rows or one a
    row. `seen`: for each row the symbols that the repetition penalty is for.

    The order is that of transformers' `generate`: penalty, temperature, top-k, top-p; what may not be drawn is taken away
    after the penalty, so that top-k chooses among what may.
    """
    if torch.isnan(logits).any():
        raise RequestError("the model gives what is no number: its weights are damaged, or too large for its arithmetic")
    scores = logits.clone()
    if request.repetition_penalty != 1:
        for row, symbols in zip(scores, seen):
            _penalise(row, symbols, request.repetition_penalty)
    scores.masked_fill_(~allowed, -torch.inf)
    if request.temperature == 0:
        return torch.nn.functional.one_hot(scores.argmax(-1), scores.shape[-1]).double()
    scores /= request.temperature
    if request.top_k is not None and request.top_k < scores.shape[-1]:
        least = torch.topk(scores, request.top_k).values[:, -1:]
        scores.masked_fill_(scores < least, -torch.inf)
    chances = torch.softmax(scores, -1)
    if request.top_p is not None and request.top_p < 1:
        ordered, places = torch.sort(chances, descending=True, stable=True)
        # The likeliest stays, whatever the threshold.
        ordered[torch.cumsum(ordered, -1) - ordered >= request.top_p] = 0
        chances = torch.zeros_like(chances).scatter_(-1, places, ordered)
    return chances


def _penalise(scores, symbols, penalty):
    these = torch.tensor(sorted(set(symbols)))
    values = scores[these]
    scores[these] = torch.where(values < 0, values * penalty, values / penalty)


def draw(chances, fractions):
    """Of each row the symbol at a fraction of its running sum."""
    running = torch.cumsum(chances, -1)
    sought = torch.tensor(fractions, dtype=running.dtype) * running[:, -1]
    symbols = torch.searchsorted(running, sought.unsqueeze(-1), right=True).squeeze(-1).tolist()
    # Where rounding left the sum below what is sought: the last symbol that has a chance.
    last = chances.shape[-1] - 1
    return [min(symbol, last if row[last] > 0 else int(torch.nonzero(row)[-1])) for symbol, row in zip(symbols, chances)]


def excluded_shares(log_chances, allowed):
    """Of each row the share of the model's own probability that lies on what may not be drawn."""
    kept = torch.exp(log_chances.masked_fill(~allowed, -torch.inf)).sum(-1)
    return (1 - kept).clamp(min=0).tolist()


def mean(values):
    return sum(values) / len(values) if values else 0.0
