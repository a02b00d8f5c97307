"""Models behind one small interface. A class for each kind of model and place of its weights; what is drawn is none of theirs.

A model that continues chains (kind "autoregressive") has `start` and `end`, and `step(symbols, state)`, which takes the last
symbol of each chain and gives logits for the next. One that fills in masks (kind "masked") has `mask`, what stands before and
after a sequence, and `logits(rows)` for rows of symbols. Both have `texts`: what each symbol of the vocabulary adds to a
peptide, None where it is never drawn. Logits are float64 on the CPU.
"""

import gc
import os

import torch

from .file import load_file
from .hub import HubChain, HubMasked


def load(request):
    # Exact sums in float32, and the same from run to run: a draw must not hang on how a GPU rounds.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.set_grad_enabled(False)
    # An action takes one processor; and a sum does not hang on how many a machine has.
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)
    if request.family == "file":
        return load_file(request)
    return HubChain(request) if request.procedure == "chain" else HubMasked(request)


def release(model):
    model.network = None
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def identity_of(request):
    """Equal for requests that the same loaded model serves."""
    if request.family != "file":
        return request.family, request.model, request.revision, request.procedure
    path = os.path.realpath(request.weights)
    found = os.stat(path)
    return request.model, path, found.st_size, found.st_mtime_ns
