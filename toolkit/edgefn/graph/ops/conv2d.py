"""conv2d: images `[N, H, W, C]` by weights `[M, kh, kw, C]`."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step, constant_of
from edgefn.graph.ir import Node, Window
from edgefn.graph.opcode import opcode
from edgefn.graph.ops.field import Field
from edgefn.graph.ops.matrix import (
    Weighted,
    check_fixed,
    check_panel,
    check_weights,
    finish_fixed,
    finish_i8,
    lower_weights,
    refuse_long,
    sum_f32,
)
from edgefn.graph.ops.pack import pack_matrix_f32, packed_matrix, unpack_matrix_f32
from edgefn.graph.ops.windows import CONV_WORDS, check_window, taps_of, window_of, window_words
from edgefn.graph.ops.winograd import fits, lower_winograd
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine, clamp
from edgefn.graph.view import View

__all__ = ["CODES", "Conv2d", "lower"]

type Array = NDArray[Any]

MAX_PITCH = 1 << 28


@dataclass(frozen=True, slots=True)
class Conv2d(Weighted):
    window: Window


def lower(low: Lowering, node: Node, op: Conv2d) -> Step:
    (x, w, *_), y = low.operands(node)
    if fits(x.shape, y.shape, op.window, y.dtype):
        return lower_winograd(low, node, op.window)
    k, m, rows = prod(op.window.kernel) * x.shape[3], y.shape[3], prod(y.shape[:3])
    refuse_long(node, rows=rows, k=k)
    flat = constant_of(w).reshape(m, k)
    field = Field(y.dtype, op.window, x.shape, y.shape)
    packed = pack_matrix_f32(flat) if y.dtype == "f32" else field.pack(flat)
    words = window_words(op.window, CONV_WORDS)
    return lower_weights(low, node, packed, code="conv2d", k=k, scratch=field.scratch, **words)


def _check(v: View) -> None:
    check_window(v)
    x, y = v.tensor["x"], v.tensor["y"]
    k, m, rows = v.op["kh"] * v.op["kw"] * x.dims[3], y.dims[3], y.size // y.dims[3]
    check_panel(v, rows=rows, k=k)
    field = Field(y.dtype, window_of(v.op), x.dims, y.dims)
    v.need(field.pitch <= MAX_PITCH, f"a line has {field.pitch:,} elements")
    check_weights(v, packed=packed_matrix(y.dtype, m=m, k=k if y.dtype == "f32" else field.k2), m=m)
    v.scratch(field.scratch)


def _check_q8(v: View) -> None:
    _check(v)
    check_fixed(v)


def _field(m: Machine, op: PlanOp) -> Field:
    x, y = m.tensor(op, "x"), m.tensor(op, "y")
    return Field(y.dtype, window_of(op), x.dims, y.dims)


def _scratch(m: Machine, op: PlanOp) -> int:
    return _field(m, op).scratch


def _columns(m: Machine, op: PlanOp, fill: float) -> Array:
    taps = taps_of(op, m.get(op, "x"), m.tensor(op, "y"), fill)
    return taps.reshape(-1, taps.shape[3] * taps.shape[4])


def _f32(m: Machine, op: PlanOp) -> Array:
    columns, count = _columns(m, op, 0), m.tensor(op, "y").dims[3]
    w = unpack_matrix_f32(m.raw(m.tensor(op, "w")).tobytes(), count, columns.shape[1])
    return clamp(sum_f32(columns, w.T, m.vector(op, "bias", count)), op)


def _products(m: Machine, op: PlanOp) -> Array:
    columns = _columns(m, op, op["x_zero"])
    w = _field(m, op).unpack(m.raw(m.tensor(op, "w")).tobytes())
    return np.asarray(columns.astype(np.float64) @ w.T.astype(np.float64))


def _i8(m: Machine, op: PlanOp) -> Array:
    return finish_i8(m, op, _products(m, op))


def _q8(m: Machine, op: PlanOp) -> Array:
    return finish_fixed(m, op, _products(m, op))


_QUANTIZED = f"*x *w *bias *mult *y {CONV_WORDS} x_zero:i8 y_zero:i8 low:i8 high:i8 @scratch"

CODES = (
    opcode(
        1, "conv2d_f32", f"*x *w *bias *y {CONV_WORDS} low:bound high:bound @scratch", _check, _f32, scratch=_scratch
    ),
    opcode(2, "conv2d_i8", _QUANTIZED, _check, _i8, scratch=_scratch),
    opcode(23, "conv2d_q8", _QUANTIZED, _check_q8, _q8, scratch=_scratch),
)
