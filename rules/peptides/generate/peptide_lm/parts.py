"""Work on many rows in parts that fit: half as many at a time when the GPU's memory is full."""

import sys

import torch

# Before torch 2.0 it is a RuntimeError that says so.
OutOfMemory = getattr(torch.cuda, "OutOfMemoryError", RuntimeError)


def in_parts(rows, most, work):
    """The results of `work` on parts of `rows`, in their order. A part that did not fit is done again, so `work` must begin anew."""
    done = []
    size = most
    while len(done) < len(rows):
        part = rows[len(done) : len(done) + size]
        try:
            results = work(part)
        except OutOfMemory as error:
            if len(part) == 1 or "out of memory" not in str(error):
                raise
            size = len(part) // 2
            print(f"{len(part)} rows did not fit on the GPU: {size} at a time from now on", file=sys.stderr)
            torch.cuda.empty_cache()
            continue
        done.extend(results)
    return done


def in_like_parts(rows, most, work, length):
    """As in_parts, with rows of like lengths together: a network computes what is padded too. The longest first, which show how many fit."""
    order = sorted(range(len(rows)), key=lambda i: -length(rows[i]))
    done = [None] * len(rows)
    for i, result in zip(order, in_parts([rows[i] for i in order], most, work)):
        done[i] = result
    return done
