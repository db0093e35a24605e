"""What lies around a tensor: a constant, or its own elements, gathered by indices that are computed at import."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from edgefn.graph.importers.call import Call
from edgefn.graph.ir import Tensor
from edgefn.graph.ops import Gather, Pad

__all__ = ["Mode", "Widths", "by_indices", "padded"]

type Mode = Literal["reflect", "symmetric", "edge", "wrap"]
type Widths = Sequence[tuple[int, int]]  # before and after each axis, none negative


def padded(call: Call, x: Tensor, widths: Widths, value: float) -> str:
    """Put a constant around `x`."""
    if not any(b or a for b, a in widths):
        return x.name
    shape = [d + b + a for d, (b, a) in zip(x.shape, widths, strict=True)]
    return call.moved(Pad(tuple(b for b, _ in widths), value), x, shape)


def by_indices(call: Call, x: Tensor, widths: Widths, mode: Mode) -> str:
    """Put elements of `x` around it, as numpy.pad does in `mode`."""
    for axis, (before, after) in enumerate(widths):
        if before or after:
            length = x.shape[axis]
            shape = (*x.shape[:axis], length + before + after, *x.shape[axis + 1 :])
            call.scope.check_size(call.label, shape)
            places = np.pad(np.arange(length, dtype=np.int32), (before, after), mode)
            indices = call.scope.constant(f"{call.label}.indices", places)
            x = call.scope.tensor(call.moved(Gather(axis), x, shape, indices))
    return x.name
