"""strided: what every view of an array in numpy can be, as a step; slice, repeat and tile become one."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step
from edgefn.graph.ir import Node
from edgefn.graph.opcode import opcode
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine
from edgefn.graph.view import View

__all__ = ["CODES", "merged", "row_major", "strided_step"]

type Array = NDArray[Any]
type Axes = list[tuple[int, int]]

MAX_RANK = 6
_DIMS, _STRIDES = ([f"{letter}{i}" for i in range(MAX_RANK)] for letter in "ds")


def row_major(shape: Sequence[int]) -> list[int]:
    """The stride of every dimension of an array that lies in order, in elements."""
    return [prod(shape[i + 1 :]) for i in range(len(shape))]


def merged(axes: Axes) -> Axes:
    """Pairs of a length and a stride, joined where two dimensions are one: the fewest that say the same."""
    out: Axes = []
    for length, stride in axes:
        if length == 1:
            continue
        if out and out[-1][1] == length * stride:
            out[-1] = (out[-1][0] * length, stride)
        else:
            out.append((length, stride))
    return out


def strided_step(low: Lowering, node: Node, offset: int, axes: Axes) -> Step:
    """The step of a node whose output, in order, has these lengths and strides in its input.

    Raises UnsupportedError EFN-M012 when more than six of them are left after merging.
    """
    few = merged(axes)
    if len(few) > MAX_RANK:
        raise low.impossible(node)
    full = [(1, 0)] * (MAX_RANK - len(few)) + few
    words = {d: length for d, (length, _) in zip(_DIMS, full, strict=True)}
    words |= {s: stride for s, (_, stride) in zip(_STRIDES, full, strict=True)}
    return low.unary(node, "strided", offset=offset, **words)


def _check(v: View) -> None:
    x, y, offset = v.tensor["x"], v.tensor["y"], v.op["offset"]
    dims, strides = [v.op[d] for d in _DIMS], [v.op[s] for s in _STRIDES]
    v.need(x.dtype == y.dtype, "x and y differ in dtype")
    v.whole("x")
    v.need(all(d >= 1 for d in dims) and prod(dims) == y.size, f"{dims} are not the elements of y {y.dims}")
    reaches = [(d - 1) * s for d, s in zip(dims, strides, strict=True)]
    least, most = offset + sum(min(r, 0) for r in reaches), offset + sum(max(r, 0) for r in reaches)
    v.need(least >= 0 and most < x.size, f"elements {least:,} to {most:,} of x are read, it has {x.size:,}")


def _value(m: Machine, op: PlanOp) -> Array:
    grid = np.indices([op[d] for d in _DIMS], np.int64, sparse=True)
    places = op["offset"] + sum(i * op[s] for i, s in zip(grid, _STRIDES, strict=True))
    return np.asarray(m.get(op, "x").reshape(-1)[places])


CODES = (
    opcode(34, "strided", f"*x *y offset {' '.join(_DIMS)} {' '.join(f'-{s}' for s in _STRIDES)}", _check, _value),
)
