"""softmax over the last dimension."""

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

__all__ = ["CODES", "Softmax", "lower"]


@dataclass(frozen=True, slots=True)
class Softmax(Op):
    pass


def lower(low: Lowering, node: Node, _op: Softmax) -> Step:
    return low.unary(node, "softmax_f32")


def _check(v: View) -> None:
    v.dtypes(x="f32", y="f32")
    v.equal_sizes()
    x, y = v.tensor["x"].dims, v.tensor["y"].dims
    v.need(len(x) > 0 and x[-1:] == y[-1:], "x and y differ in the last dimension")


def _value(m: Machine, op: PlanOp) -> NDArray[Any]:
    x = m.get(op, "x").astype(np.float64)
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


CODES = (opcode(15, "softmax_f32", "*x *y", _check, _value),)
