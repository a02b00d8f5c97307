"""What a procedure hands out for each item."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Drawn:
    sequence: str
    # In nats, under the model itself: temperature 1, nothing filtered. Of a chain ln P with its end; of masked models the
    # pseudo-log-likelihood, Σ ln P(residue | all others).
    logprob: float
    # exp(-logprob / symbols).
    perplexity: float
    # Cut at the longest length allowed.
    truncated: bool
    # The mean share of the model's probability, over the choices made, that lay on what is never drawn: special symbols,
    # X and other letters, what does not fit the lengths.
    excluded: float
