"""average_pool: the mean of what a window covers."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step, factor, scalar_of
from edgefn.graph.ir import OPEN, Bounds, Node, Op, Window
from edgefn.graph.opcode import opcode
from edgefn.graph.ops.fixed import end
from edgefn.graph.ops.max_pool import check_pool
from edgefn.graph.ops.windows import POOL_WORDS, taps_of, window_words
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine, saturate
from edgefn.graph.view import View

__all__ = ["CODES", "AveragePool", "lower"]

type Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class AveragePool(Op):
    window: Window
    count_padding: bool = False
    bounds: Bounds = OPEN


MAX_NARROW = 64  # elements of a window that average_pool_f32 sums in f32
MAX_ELEMENTS = 1 << 16  # of a window of average_pool_q8
SAME_SCALE = 1e-6  # what TFLite allows between x and y


def lower(low: Lowering, node: Node, op: AveragePool) -> Step:
    (x,), y = low.operands(node)
    if low.kind(y.dtype) == "q8":
        return _lower_fixed(low, node, op)
    values: dict[str, Any] = {**window_words(op.window, POOL_WORDS), "count_padding": int(op.count_padding)}
    if y.dtype == "i8":
        (x_scale, x_zero), (scale, zero) = scalar_of(x), scalar_of(y)
        values |= {"x_zero": x_zero, "mult": factor(node, x_scale, scale), "y_zero": zero}
        values |= low.bounds(op.bounds, y)
    return low.unary(node, f"average_pool_{y.dtype}", **values)


def _lower_fixed(low: Lowering, node: Node, op: AveragePool) -> Step:
    (x,), y = low.operands(node)
    (x_scale, x_zero), (scale, zero) = scalar_of(x), scalar_of(y)
    same = x_zero == zero and abs(x_scale - scale) <= SAME_SCALE
    if op.count_padding or not same or prod(op.window.kernel) > MAX_ELEMENTS:
        raise low.impossible(node)
    words = window_words(op.window, POOL_WORDS)
    return low.unary(node, "average_pool_q8", **words, **low.bounds(op.bounds, y))


def _check_fixed(v: View) -> None:
    check_pool(v)
    v.need(v.op["kh"] * v.op["kw"] <= MAX_ELEMENTS, "the window is too large")


def _inside(m: Machine, op: PlanOp) -> Array:
    """Elements of the input under every window."""
    ones = np.ones_like(m.get(op, "x"), np.float32)
    return np.asarray(taps_of(op, ones, m.tensor(op, "y"), 0).sum(axis=3))


def _counts(m: Machine, op: PlanOp) -> Array:
    """Elements that a window counts: those inside the input, or all of them."""
    inside = _inside(m, op)
    return np.full_like(inside, op["kh"] * op["kw"]) if op["count_padding"] else inside


def _f32(m: Machine, op: PlanOp) -> Array:
    taps = taps_of(op, m.get(op, "x"), m.tensor(op, "y"), 0)
    total = np.zeros(m.tensor(op, "y").dims, np.float64 if op["kh"] * op["kw"] > MAX_NARROW else np.float32)
    for k in range(taps.shape[3]):
        total += taps[:, :, :, k]
    return np.asarray(total / _counts(m, op).astype(total.dtype), np.float32)


def _i8(m: Machine, op: PlanOp) -> Array:
    x = m.get(op, "x").astype(np.int64) - op["x_zero"]
    total = taps_of(op, x, m.tensor(op, "y"), 0).sum(axis=3).astype(np.float32)
    return saturate(total * (np.float32(op["mult"]) / _counts(m, op)), op["y_zero"], op["low"], op["high"])


def _q8(m: Machine, op: PlanOp) -> Array:
    total = taps_of(op, m.get(op, "x").astype(np.int64), m.tensor(op, "y"), 0).sum(axis=3)
    count = _inside(m, op).astype(np.int64)
    mean = np.sign(total) * ((np.abs(total) + count // 2) // count)
    return end(mean, 0, op["low"], op["high"])


CODES = (
    opcode(9, "average_pool_f32", f"*x *y {POOL_WORDS} count_padding:flag", check_pool, _f32),
    opcode(
        10,
        "average_pool_i8",
        f"*x *y {POOL_WORDS} count_padding:flag x_zero:i8 .mult y_zero:i8 low:i8 high:i8",
        check_pool,
        _i8,
    ),
    opcode(27, "average_pool_q8", f"*x *y {POOL_WORDS} low:i8 high:i8", _check_fixed, _q8),
)
