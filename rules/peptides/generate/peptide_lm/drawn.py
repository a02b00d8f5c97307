"""What a procedure hands out for each item."""

import math
from dataclasses import dataclass
from typing import Optional

from .contract import RequestError


@dataclass(frozen=True)
class Drawn:
    sequence: str
    # In nats, under the model itself: temperature 1, nothing filtered. Of a chain ln P with its end; of masked models the
    # pseudo-log-likelihood, Σ ln P(residue | all others).
    logprob: float
    # exp(-logprob / symbols); None where that is more than a number can hold.
    perplexity: Optional[float]
    # Cut at the longest length allowed.
    truncated: bool
    # The mean share of the model's probability, over the choices made, that lay on what is never drawn: special symbols,
    # X and other letters, what does not fit the lengths.
    excluded: float


def perplexity_of(logprob, symbols):
    if not math.isfinite(logprob):
        raise RequestError("the model gives what it drew, or an end behind it, no chance at all: ln P is not finite")
    try:
        return math.exp(-logprob / symbols)
    except OverflowError:
        return None
