"""concat: the inputs one after another along an axis."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step
from edgefn.graph.ir import Node, Op
from edgefn.graph.opcode import opcode
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine
from edgefn.graph.view import View

__all__ = ["CODES", "MAX_INPUTS", "Concat", "lower"]

MAX_INPUTS = 64


@dataclass(frozen=True, slots=True)
class Concat(Op):
    axis: int

    def before(self, perm: tuple[int, ...]) -> "Concat":
        return Concat(perm[self.axis])


def lower(low: Lowering, node: Node, op: Concat) -> Step:
    rest = tuple(low.source(name) for name in node.inputs)
    return Step("concat", node, {"y": node.output, "axis": op.axis, "n": len(rest)}, rest)


def _check(v: View) -> None:
    y, axis, n = v.tensor["y"], v.op["axis"], v.op["n"]
    v.need(1 <= n <= MAX_INPUTS and n == len(v.rest), f"{n} inputs are announced, {len(v.rest)} given")
    v.need(axis < len(y.dims), f"axis {axis} of rank {len(y.dims)}")
    total = 0
    for x in v.rest:
        v.need(x.dtype == y.dtype and len(x.dims) == len(y.dims), "an input differs from y in dtype or rank")
        v.need(x.dims[:axis] == y.dims[:axis] and x.dims[axis + 1 :] == y.dims[axis + 1 :], "an input differs in dims")
        v.need(x.whole, "an input is packed")
        total += x.dims[axis]
    v.need(total == y.dims[axis], f"the inputs have {total} along axis {axis}, y has {y.dims[axis]}")


def _value(m: Machine, op: PlanOp) -> NDArray[Any]:
    return np.concatenate([m.read(m.plan.tensors[i]) for i in op.rest], axis=op["axis"])


CODES = (opcode(21, "concat", "*y axis n", _check, _value, variadic=True),)
