"""Models for tests, small enough to be computed by hand: `python3 make_models.py FOLDER`."""

import json
import math
import sys

import torch

RESIDUES = "ACDEFGHIKLMNPQRSTVWY"
SPECIAL = ["<start>", "<end>", "<pad>", "<mask>", "X"]
LETTERS = [*SPECIAL, *RESIDUES]
MASKED = {"kind": "masked", "symbols": LETTERS, "start": "<start>", "end": "<end>", "pad": "<pad>", "mask": "<mask>"}


class Next(torch.nn.Module):
    """ln P(next | last) from a table."""

    def __init__(self, table: torch.Tensor):
        super().__init__()
        self.register_buffer("table", table)

    def forward(self, ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.table[ids]


class First(torch.nn.Module):
    """Every position by the first residue of the row. Says how many masks it sees in each row."""

    def __init__(self, table: torch.Tensor):
        super().__init__()
        self.register_buffer("table", table)

    def forward(self, ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        for row in ids:
            print("masks", int((row == 3).sum()))
        return self.table[ids[:, 1]].unsqueeze(1).expand(ids.shape[0], ids.shape[1], self.table.shape[1])


class Attention(torch.nn.Module):
    """Random weights; every position looks at all that are no padding (`is_causal`: at none behind it)."""

    def __init__(self, size: int, is_causal: bool):
        super().__init__()
        self.is_causal = is_causal
        self.symbols = torch.nn.Embedding(size, 16)
        self.places = torch.nn.Embedding(300, 16)
        self.query, self.key, self.value = (torch.nn.Linear(16, 16) for _ in range(3))
        self.out = torch.nn.Linear(16, size)

    def forward(self, ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        states = self.symbols(ids) + self.places(torch.arange(ids.shape[1]))
        scores = self.query(states) @ self.key(states).transpose(1, 2)
        scores = scores.masked_fill(attention_mask.unsqueeze(1) == 0, -1e9)
        if self.is_causal:
            behind = torch.ones(ids.shape[1], ids.shape[1]).triu(1) > 0
            scores = scores.masked_fill(behind, -1e9)
        return 2 * self.out(states + torch.softmax(scores, -1) @ self.value(states))


def logs(shares):
    return [math.log(share) if share > 0 else -1e9 for share in shares]


def main(folder):
    def save(network, about, name):
        torch.jit.save(torch.jit.script(network.eval()), f"{folder}/{name}.pt", _extra_files={"model.json": json.dumps(about)})

    torch.manual_seed(1)
    symbols = ["<start>", "<end>", "A", "C", "X", "GG", "\n"]
    table = torch.tensor(
        [
            logs([0, 0, 0.5, 0.3, 0.2, 0, 0]),
            logs([0, 1, 0, 0, 0, 0, 0]),
            logs([0, 0.3, 0, 0.6, 0.1, 0, 0]),
            logs([0, 0.4, 0.5, 0, 0, 0.1, 0]),
            logs([0, 1, 0, 0, 0, 0, 0]),
            logs([0, 0.5, 0.5, 0, 0, 0, 0]),
            logs([0, 0, 0.5, 0, 0, 0, 0.5]),
        ]
    )
    chain = {"kind": "autoregressive", "symbols": symbols, "start": "<start>", "end": "<end>"}
    save(Next(table), chain, "chain")
    # Nothing but line breaks, if it may.
    breaks = torch.tensor([logs([0, 0, 0.1, 0, 0, 0, 0.9])] * 7)
    save(Next(breaks), chain, "breaks")
    # Nothing that could be drawn, once an end may not be.
    save(Next(table[:, :5]), {**chain, "symbols": ["<start>", "<end>", "AAAA", "CCCC", "X"]}, "long-words")

    # X has a tenth; the first residue of the row a half of all; the other residues share the rest.
    first = torch.full((len(LETTERS), len(LETTERS)), -1e9)
    for symbol in range(len(LETTERS)):
        first[symbol, LETTERS.index("X")] = math.log(0.1)
        # A mask first: as if it were an A.
        own = symbol if symbol >= len(SPECIAL) else LETTERS.index("A")
        for residue in range(len(SPECIAL), len(LETTERS)):
            first[symbol, residue] = math.log(0.5 if residue == own else 0.4 / 19)
    save(First(first), MASKED, "first")
    save(First(first), {**MASKED, "longest": 20}, "first-of-20")

    causal = {"kind": "autoregressive", "symbols": LETTERS, "start": "<start>", "end": "<end>"}
    save(Attention(len(LETTERS), True), causal, "causal-net")
    save(Attention(len(LETTERS), False), MASKED, "masked-net")
    save(Next(table), {"kind": "diffusion", "symbols": symbols}, "other-kind")
    torch.jit.save(torch.jit.script(Next(table)), f"{folder}/bare.pt")


main(sys.argv[1])
