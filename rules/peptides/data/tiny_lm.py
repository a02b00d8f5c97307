"""Makes the two small language models of this folder from known-peptides.csv: `python3 rules/peptides/data/tiny_lm.py`.

Counts of neighbours, written as torch modules. They are there so that the `lm` sampler can be tried and tested from end to
end without a download; as samplers they know less than an n-gram model of order 2.
"""

import csv
import json
from pathlib import Path

import torch

RESIDUES = "ACDEFGHIKLMNPQRSTVWY"
SYMBOLS = ["<start>", "<end>", "<pad>", "<mask>", "X", *RESIDUES]
START, END, PAD, MASK = range(4)
HERE = Path(__file__).parent


class NextResidue(torch.nn.Module):
    """ln P(next | last), by counts."""

    def __init__(self, after: torch.Tensor):
        super().__init__()
        self.register_buffer("after", after)

    def forward(self, ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.after[ids]


class MiddleResidue(torch.nn.Module):
    """ln P(residue | left) + ln P(residue | right) - ln P(residue), by counts. A mask beside it says nothing."""

    def __init__(self, after: torch.Tensor, before: torch.Tensor, alone: torch.Tensor):
        super().__init__()
        self.register_buffer("after", after)
        self.register_buffer("before", before)
        self.register_buffer("alone", alone)

    def forward(self, ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        left = torch.roll(ids, 1, 1)
        right = torch.roll(ids, -1, 1)
        return self.after[left] + self.before[right] - self.alone


def log_shares(counts: torch.Tensor) -> torch.Tensor:
    """Every pair was seen once more than it was: none is impossible."""
    smoothed = counts + 1
    return torch.log(smoothed / smoothed.sum(-1, keepdim=True))


def main():
    with open(HERE / "known-peptides.csv", newline="") as file:
        sequences = [row["sequence"] for row in csv.DictReader(file)]
    sequences = [sequence for sequence in sequences if set(sequence) <= set(RESIDUES)]
    pairs = torch.zeros(len(SYMBOLS), len(SYMBOLS), dtype=torch.float64)
    for sequence in sequences:
        symbols = [START, *(SYMBOLS.index(residue) for residue in sequence), END]
        for left, right in zip(symbols, symbols[1:]):
            pairs[left, right] += 1
    inner = pairs.clone()
    # Between masks there is neither a start nor an end.
    inner[:, END] = inner[START, :] = 0
    alone = log_shares(inner.sum(0))
    after, before = log_shares(pairs), log_shares(pairs.T)
    after[MASK] = before[MASK] = alone
    # What is no residue stands between no two.
    alone[: SYMBOLS.index("A")] = 30
    chain = {"kind": "autoregressive", "symbols": SYMBOLS, "start": "<start>", "end": "<end>"}
    masked = {"kind": "masked", "symbols": SYMBOLS, "start": "<start>", "end": "<end>", "pad": "<pad>", "mask": "<mask>"}
    save(NextResidue(log_shares(pairs).float()), chain, "tiny-chain.pt")
    save(MiddleResidue(after.float(), before.float(), alone.float()), masked, "tiny-masked.pt")


def save(network: torch.nn.Module, about: dict, name: str):
    torch.jit.save(torch.jit.script(network.eval()), str(HERE / name), _extra_files={"model.json": json.dumps(about)})


if __name__ == "__main__":
    main()
