"""tile: all elements so many times one after another along an axis; numpy's `tile`, along several axes at once."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step
from edgefn.graph.ir import Node, Op, unpermuted
from edgefn.graph.ops.strided import row_major, strided_step

__all__ = ["Tile", "lower"]

type Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Tile(Op):
    """One count for each axis."""

    counts: tuple[int, ...]

    def of(self, x: Array) -> Array:
        """What the op makes of an array."""
        return np.tile(x, self.counts)

    def before(self, perm: tuple[int, ...]) -> "Tile":
        return Tile(unpermuted(self.counts, perm))


def lower(low: Lowering, node: Node, op: Tile) -> Step:
    (x,), _ = low.operands(node)
    axes = []
    for length, count, stride in zip(x.shape, op.counts, row_major(x.shape), strict=True):
        axes += [(count, 0), (length, stride)]
    return strided_step(low, node, 0, axes)
