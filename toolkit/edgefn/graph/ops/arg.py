"""arg: where the largest or smallest number lies along an axis."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step
from edgefn.graph.ir import Node, Op
from edgefn.graph.opcode import opcode
from edgefn.graph.ops.reduce import check_reduced, span_of
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine
from edgefn.graph.view import View

__all__ = ["CODES", "Arg", "index_of", "lower"]

type Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Arg(Op):
    """Along `axis`, which stays with a length of 1; of equal ones the first, unless `last`."""

    axis: int
    smallest: bool = False
    last: bool = False

    def before(self, perm: tuple[int, ...]) -> "Arg":
        return replace(self, axis=perm[self.axis])


def lower(low: Lowering, node: Node, op: Arg) -> Step:
    (x,), _ = low.operands(node)
    span = span_of(x.shape, (op.axis,))
    if span is None:
        raise low.impossible(node)
    n, inner = span
    return low.unary(node, "arg", smallest=int(op.smallest), last=int(op.last), n=n, inner=inner)


def index_of(x: Array, axis: int, *, smallest: bool, last: bool) -> Array:
    """Where the largest (or smallest) of `x` lies along `axis`, which stays."""
    pick = np.argmin if smallest else np.argmax
    if not last:
        return np.asarray(pick(x, axis, keepdims=True), np.int32)
    return np.asarray(x.shape[axis] - 1 - pick(np.flip(x, axis), axis, keepdims=True), np.int32)


def _check(v: View) -> None:
    v.dtypes(y="i32")
    check_reduced(v)


def _value(m: Machine, op: PlanOp) -> Array:
    x = m.get(op, "x").reshape(-1, op["n"], op["inner"])
    found = index_of(x, 1, smallest=bool(op["smallest"]), last=bool(op["last"]))
    return found.reshape(m.get(op, "y").shape)


CODES = (opcode(38, "arg", "*x *y smallest:flag last:flag n inner", _check, _value),)
