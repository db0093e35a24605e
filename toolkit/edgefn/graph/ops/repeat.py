"""repeat: every element so many times in a row along an axis; numpy's `repeat`, along several axes at once."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step
from edgefn.graph.ir import Node, Op, unpermuted
from edgefn.graph.ops.strided import row_major, strided_step

__all__ = ["Repeat", "lower"]

type Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Repeat(Op):
    """One count for each axis."""

    counts: tuple[int, ...]

    def of(self, x: Array) -> Array:
        """What the op makes of an array."""
        for axis, count in enumerate(self.counts):
            x = x.repeat(count, axis)
        return x

    def before(self, perm: tuple[int, ...]) -> "Repeat":
        return Repeat(unpermuted(self.counts, perm))


def lower(low: Lowering, node: Node, op: Repeat) -> Step:
    (x,), _ = low.operands(node)
    axes = []
    for length, count, stride in zip(x.shape, op.counts, row_major(x.shape), strict=True):
        axes += [(length, stride), (count, 0)]
    return strided_step(low, node, 0, axes)
