"""Symbols of a vocabulary, rows of them, and the device that they go to: what models of every kind share."""

import torch

from .contract import RESIDUES, TARGET_LETTERS, RequestError

# GPT-2's byte-level vocabulary writes a line break so; ProtGPT2 has learnt FASTA, a line of 60 residues each.
LINE_BREAKS = ("\n", "\u010a")


def device():
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def residues_in(word):
    """What a symbol adds to a peptide; None where it holds anything but the 20 residues: X, other letters, special symbols."""
    for line_break in LINE_BREAKS:
        word = word.replace(line_break, "")
    return word if all(letter in RESIDUES for letter in word) else None


def describe_letters(model, vocabulary, size):
    model.symbols = {letter: vocabulary[letter] for letter in TARGET_LETTERS if letter in vocabulary}
    lacking = [letter for letter in RESIDUES if letter not in model.symbols]
    if lacking:
        raise RequestError(f"{model.name} has no symbol for {', '.join(lacking)}")
    model.texts = [None] * max(size, len(vocabulary))
    for letter in RESIDUES:
        model.texts[model.symbols[letter]] = letter
    model.drawable = torch.tensor([text is not None for text in model.texts])


def required(vocabulary, word, name):
    if word not in vocabulary:
        raise RequestError(f"{name} has no symbol {word!r}: it is not of the family that the request says")
    return vocabulary[word]


def padded(rows, pad):
    longest = max(len(row) for row in rows)
    ids = torch.tensor([row + [pad] * (longest - len(row)) for row in rows], device=device())
    attention = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=device())
    return ids, attention


def unpadded(logits, rows):
    return [of_row[: len(row)] for of_row, row in zip(logits, rows)]


def to_cpu(logits):
    return logits.detach().to(device="cpu", dtype=torch.float64)


def first_line(error):
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
