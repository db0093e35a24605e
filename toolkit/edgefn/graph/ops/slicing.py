"""slice: along every axis, elements at equal steps; `output[i] = input[begin + i * step]`."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step
from edgefn.graph.ir import Node, Op, Shape, unpermuted
from edgefn.graph.ops.strided import merged, row_major, strided_step
from edgefn.graph.records import ITEM_BYTES

__all__ = ["Slice", "lower"]

type Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Slice(Op):
    """One begin and step for each axis; how many elements says the output's shape.

    A negative step goes backwards, a step of 0 repeats one element.
    """

    begin: tuple[int, ...]
    step: tuple[int, ...]

    def of(self, x: Array, shape: Shape) -> Array:
        """What the op makes of an array, `shape` elements of it."""
        for axis, (begin, step, count) in enumerate(zip(self.begin, self.step, shape, strict=True)):
            x = x.take(begin + step * np.arange(count), axis)
        return x

    def before(self, perm: tuple[int, ...]) -> "Slice":
        return Slice(unpermuted(self.begin, perm), unpermuted(self.step, perm))


def lower(low: Lowering, node: Node, op: Slice) -> Step | None:
    """Share the bytes where the elements lie together."""
    (x,), y = low.operands(node)
    strides = row_major(x.shape)
    offset = sum(b * s for b, s in zip(op.begin, strides, strict=True))
    axes = [(length, step * s) for length, step, s in zip(y.shape, op.step, strides, strict=True)]
    together = all(stride == 1 for _, stride in merged(axes))
    if together and low.part(node, offset * ITEM_BYTES[x.dtype]):
        return None
    return strided_step(low, node, offset, axes)
