"""Where it runs: what a manifest tells of it, and what a request demands."""

import importlib.metadata
import os
import platform
import re

import torch

from .contract import RequestError
from .symbols import device


def describe_place(request):
    is_gpu = device().type == "cuda"
    return {
        "device": device().type,
        "gpu": torch.cuda.get_device_name() if is_gpu else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": None if request.family == "file" else importlib.metadata.version("transformers"),
        # Of the container, where there is one that says.
        "image": os.environ.get("MODAL_IMAGE_ID"),
    }


def check_place(request):
    """What a request says it must run on is part of what its draws are named by: elsewhere it is refused."""
    if not request.on:
        return
    place = describe_place(request)
    for name, wanted in request.on.items():
        if name not in ("gpu", "torch", "transformers"):
            raise RequestError(f'on may say gpu, torch and transformers, not "{name}"')
        found = place[name]
        fits = fits_gpu if name == "gpu" else fits_version
        if not fits(wanted, found):
            raise RequestError(f"it must run on {name} {wanted}; here it is {found or 'none'}")


def fits_version(wanted, found):
    return found is not None and (found == wanted or found.startswith((f"{wanted}.", f"{wanted}+")))


def fits_gpu(wanted, found):
    """"A100-80GB" fits "NVIDIA A100-SXM4-80GB", "L4" does not fit "NVIDIA L40S"; "none" is a CPU."""
    if found is None:
        return wanted == "none"
    return set(words_of(wanted)) <= set(words_of(found))


def words_of(text):
    return [word for word in re.split(r"[^A-Z0-9]+", text.upper()) if word != ""]
