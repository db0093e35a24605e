"""softmax over the last dimension."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Packed, Step, scalar_of
from edgefn.graph.ir import Node, Op
from edgefn.graph.opcode import opcode
from edgefn.graph.ops.fixed import EXP_ENTRIES, exp_table, high, reciprocal, shifted
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine
from edgefn.graph.view import View

__all__ = ["CODES", "Softmax", "lower"]

type Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Softmax(Op):
    """Of `beta * x`; beta is 1 but in TFLite's fixed point."""

    beta: float = 1.0


MAX_ROW = 4095  # of softmax_q8: the sum of a row fits in 31 bits
Y_SCALE, Y_ZERO = 1 / 256, -128  # of softmax_q8
SAME_SCALE = 1e-3 * Y_SCALE  # what TFLite allows between the scale of y and 1/256


def lower(low: Lowering, node: Node, op: Softmax) -> Step:
    (x,), y = low.operands(node)
    if low.kind(y.dtype) != "q8":
        if op.beta != 1:
            raise low.impossible(node)
        return low.unary(node, "softmax_f32")
    scale, zero = scalar_of(y)
    if zero != Y_ZERO or abs(scale - Y_SCALE) > SAME_SCALE or y.shape[-1] > MAX_ROW:
        raise low.impossible(node)
    table = exp_table(node, op.beta * scalar_of(x)[0])
    return low.unary(node, "softmax_q8", table=Packed("i32", table.shape, table.tobytes()))


def _check(v: View) -> None:
    real = "f32" if v.name == "softmax_f32" else "i8"
    v.dtypes(x=real, y=real)
    v.equal_sizes()
    v.need(v.tensor["x"].last == v.tensor["y"].last, "x and y differ in the last dimension")


def _check_fixed(v: View) -> None:
    _check(v)
    v.need(v.tensor["x"].last <= MAX_ROW, "a row is too long")
    v.packed("table", "i32", EXP_ENTRIES * 4)
    table = v.numbers("table")
    v.need(bool(table[0] == 2**31 - 1 and table.min() >= 0), "the table is out of range")


def _rows(m: Machine, op: PlanOp) -> Array:
    return m.get(op, "x").reshape(-1, m.tensor(op, "x").last)


def _value(m: Machine, op: PlanOp) -> NDArray[Any]:
    x = _rows(m, op).astype(np.float64)
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def _q8(m: Machine, op: PlanOp) -> Array:
    x = _rows(m, op).astype(np.int64)
    e = m.vector(op, "table", EXP_ENTRIES).astype(np.int64)[x.max(axis=-1, keepdims=True) - x]
    total = shifted(e, 12).sum(axis=-1, keepdims=True)
    bits = np.frexp(total.astype(np.float64))[1].astype(np.int64)
    probability = shifted(high(reciprocal((total << (32 - bits)) - 2**31), e), 3 + bits)
    return np.asarray(np.minimum(probability + Y_ZERO, 127))


CODES = (
    opcode(15, "softmax_f32", "*x *y", _check, _value, in_place="x"),
    opcode(28, "softmax_q8", "*x *y *table", _check_fixed, _q8, in_place="x"),
)
