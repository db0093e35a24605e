"""slice: along every axis, elements at equal steps; `output[i] = input[begin + i * step]`."""

from dataclasses import dataclass

from edgefn.graph.draft import Lowering, Step
from edgefn.graph.ir import Node, Op, unpermuted
from edgefn.graph.ops.strided import row_major, strided_step

__all__ = ["Slice", "lower"]


@dataclass(frozen=True, slots=True)
class Slice(Op):
    """One begin and step for each axis; how many elements says the output's shape.

    A negative step goes backwards, a step of 0 repeats one element.
    """

    begin: tuple[int, ...]
    step: tuple[int, ...]

    def before(self, perm: tuple[int, ...]) -> "Slice":
        return Slice(unpermuted(self.begin, perm), unpermuted(self.step, perm))


def lower(low: Lowering, node: Node, op: Slice) -> Step:
    (x,), y = low.operands(node)
    strides = row_major(x.shape)
    offset = sum(b * s for b, s in zip(op.begin, strides, strict=True))
    axes = [(length, step * s) for length, step, s in zip(y.shape, op.step, strides, strict=True)]
    return strided_step(low, node, offset, axes)
