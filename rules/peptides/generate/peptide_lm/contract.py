"""The requests: what may be asked, in which words what is wrong is told. Knows no model."""

import hashlib
import json
import os
import re
from dataclasses import dataclass
from typing import Optional, Tuple

RESIDUES = "ACDEFGHIKLMNPQRSTVWY"
# What ESM-2's alphabet knows beside them, for a target; nothing of it is ever drawn.
TARGET_LETTERS = RESIDUES + "XBUZO"

# The hub's models: where they are and how they are sampled unless a request says so.
FAMILIES = {
    "protgpt2": {"model": "nferruz/ProtGPT2", "procedure": "chain", "top_k": 950, "repetition_penalty": 1.2},
    "esm2": {"model": "facebook/esm2_t33_650M_UR50D", "procedure": "gibbs"},
    "pepmlm": {"model": "ChatterjeeLab/PepMLM-650M", "procedure": "infill", "top_k": 3},
    # A TorchScript file of your own: `weights` is its path, its content is its revision.
    "file": {},
}
PROCEDURES = ("chain", "gibbs", "infill")


class RequestError(Exception):
    """The request asks for what cannot be done; worded for who wrote it."""


@dataclass(frozen=True)
class Item:
    """One draw. Its random numbers come from its seed alone, so it does not depend on what is drawn beside it."""

    id: str
    # 1 to 32 hexadecimal digits.
    seed: str
    index: int


@dataclass(frozen=True)
class Request:
    family: str
    procedure: str
    model: str
    revision: Optional[str]
    weights: Optional[str]
    items: Tuple[Item, ...]
    # Residues, both ends included.
    shortest: int
    longest: int
    # 0 takes the likeliest; 1 is the model.
    temperature: float
    top_k: Optional[int]
    top_p: Optional[float]
    repetition_penalty: float
    # Of gibbs: how often each position is drawn, and which share of them at a time.
    sweeps: int
    mask_fraction: float
    # Of infill.
    target: Optional[str]
    # Rows that go through the model at once, at most.
    batch: int
    # What it must run on: {"gpu": "H100", "torch": "2.4"}.
    on: dict


FIELDS = {
    *("family", "procedure", "model", "revision", "weights", "items", "seed", "n", "length", "temperature"),
    *("top_k", "top_p", "repetition_penalty", "sweeps", "mask_fraction", "target_sequence", "batch", "on"),
}


def read_request(line):
    try:
        given = json.loads(line)
    except ValueError as error:
        raise RequestError(f"a request is a JSON object on one line: {error}")
    if not isinstance(given, dict):
        raise RequestError("a request is a JSON object on one line")
    given = {name: value for name, value in given.items() if value is not None}
    for name in given:
        demand(name in FIELDS, f'unknown field "{name}". A request may have {", ".join(sorted(FIELDS))}')
    family = given.get("family")
    demand(family in FAMILIES, f'family must be one of {", ".join(FAMILIES)}, not {shown(family)}')
    told = {**FAMILIES[family], **given}
    procedure = told.get("procedure")
    demand(procedure in PROCEDURES, f'procedure must be one of {", ".join(PROCEDURES)}, not {shown(procedure)}')
    own = FAMILIES[family].get("procedure", procedure)
    demand(procedure == own, f"{family} is sampled by {own}, not by {procedure}")
    shortest, longest = read_length(told.get("length", [5, 50]))
    request = Request(
        family=family,
        procedure=procedure,
        model=told.get("model", family),
        revision=told.get("revision"),
        weights=told.get("weights"),
        items=read_items(told),
        shortest=shortest,
        longest=longest,
        temperature=number(told, "temperature", 1, lambda it: it >= 0, "0 or more"),
        top_k=number(told, "top_k", None, lambda it: it >= 1 and it == int(it), "a whole number from 1"),
        top_p=number(told, "top_p", None, lambda it: 0 < it <= 1, "above 0 and at most 1"),
        repetition_penalty=number(told, "repetition_penalty", 1, lambda it: it > 0, "above 0"),
        sweeps=number(told, "sweeps", 10, lambda it: it >= 1 and it == int(it), "a whole number from 1"),
        mask_fraction=number(told, "mask_fraction", 0.15, lambda it: 0 < it <= 1, "above 0 and at most 1"),
        target=told.get("target_sequence"),
        batch=number(told, "batch", 64, lambda it: it >= 1 and it == int(it), "a whole number from 1"),
        on=told.get("on", {}),
    )
    check_identity(request)
    check_target(request)
    return request


def check_identity(request):
    if request.family == "file":
        demand(request.weights is not None, "family file needs weights: the path of a TorchScript file")
        demand(os.path.isfile(request.weights), f"there is no file {request.weights}")
        return
    demand(request.weights is None, f"weights are for family file; {request.family} is named by model and revision")
    demand(
        isinstance(request.revision, str) and re.fullmatch(r"[0-9a-f]{40}", request.revision) is not None,
        f"revision must be the full commit hash of {request.model}, 40 hexadecimal digits, not {shown(request.revision)}: "
        "a branch or a tag may mean other weights tomorrow. "
        f"git ls-remote https://huggingface.co/{request.model} HEAD prints it",
    )


def check_target(request):
    if request.procedure != "infill":
        demand(request.target is None, f"target_sequence is for infill; {request.procedure} has none")
        return
    demand(isinstance(request.target, str) and request.target != "", "infill needs target_sequence")
    strange = sorted(set(request.target) - set(TARGET_LETTERS))
    demand(not strange, f'target_sequence holds {", ".join(strange)}: it is written in one-letter codes, {TARGET_LETTERS}')


def read_length(length):
    is_pair = isinstance(length, list) and len(length) == 2 and all(isinstance(one, int) for one in length)
    demand(is_pair and 1 <= length[0] <= length[1], f"length must be [shortest, longest] in residues, not {shown(length)}")
    return length


def read_items(told):
    if "items" in told:
        demand("n" not in told and "seed" not in told, "say either items, or seed and n")
        items = [Item(str(one.get("id", one.get("index", i))), one["seed"], one.get("index", i)) for i, one in enumerate(told["items"], 1)]
    else:
        n = number(told, "n", 0, lambda it: it >= 0 and it == int(it), "a whole number")
        demand(n == 0 or "seed" in told, "n needs a seed")
        items = [Item(str(i), derive(told["seed"], i), i) for i in range(1, n + 1)]
    for item in items:
        is_hex = isinstance(item.seed, str) and re.fullmatch(r"[0-9a-fA-F]{1,32}", item.seed) is not None
        demand(is_hex, f"a seed is 1 to 32 hexadecimal digits, not {shown(item.seed)}")
    return tuple(items)


def derive(seed, index):
    """More draws of a seed leave those before them as they are."""
    return hashlib.sha256(f"{seed} {index}".encode()).hexdigest()[:32]


def number(told, name, otherwise, holds, what):
    value = told.get(name, otherwise)
    if value is None:
        return None
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    demand(is_number and holds(value), f"{name} must be {what}, not {shown(value)}")
    return value


def demand(holds, message):
    if not holds:
        raise RequestError(message)


def shown(value):
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:60] + "…"
