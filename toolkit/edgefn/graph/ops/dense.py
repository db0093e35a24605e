"""dense: `[..., K]` by weights `[M, K]`."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step, constant_of
from edgefn.graph.ir import Node
from edgefn.graph.opcode import opcode
from edgefn.graph.ops.matrix import (
    Weighted,
    check_f64,
    check_panel,
    check_weights,
    finish_f64,
    finish_i8,
    lower_weights,
    panel_bytes,
    refuse_long,
    sum_f32,
)
from edgefn.graph.ops.pack import pack_matrix_f32, pack_matrix_i8, packed_matrix, unpack_matrix_f32, unpack_matrix_i8
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine, clamp
from edgefn.graph.view import View

__all__ = ["CODES", "Dense", "lower"]

type Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Dense(Weighted):
    """Weights `[M, K]` and bias `[M]`."""

    by_f64: ClassVar[bool] = True


def lower(low: Lowering, node: Node, _op: Dense) -> Step:
    (x, w, *_), y = low.operands(node)
    k, rows = x.shape[-1], y.size // y.shape[-1]
    refuse_long(node, rows=rows, k=k)
    matrix = constant_of(w)
    packed = pack_matrix_f32(matrix) if y.dtype == "f32" else pack_matrix_i8(matrix)
    scratch = panel_bytes(y.dtype, rows=rows, k=k)
    return lower_weights(low, node, packed, code="dense", k=k, scratch=scratch)


def _check(v: View) -> None:
    x, y = v.tensor["x"], v.tensor["y"]
    v.need(len(x.dims) > 0 and len(y.dims) > 0, "x or y has rank 0")
    k, m = x.dims[-1], y.dims[-1]
    rows = x.size // k
    v.need(rows == y.size // m, "x and y differ in rows")
    check_panel(v, rows=rows, k=k)
    check_weights(v, packed=packed_matrix(y.dtype, m=m, k=k), m=m)
    v.scratch(panel_bytes(y.dtype, rows=rows, k=k))


def _check_q8(v: View) -> None:
    _check(v)
    check_f64(v)


def _scratch(m: Machine, op: PlanOp) -> int:
    x = m.tensor(op, "x")
    return panel_bytes(x.dtype, rows=x.size // x.dims[-1], k=x.dims[-1])


def _f32(m: Machine, op: PlanOp) -> Array:
    x, count = m.get(op, "x"), m.tensor(op, "y").dims[-1]
    w = unpack_matrix_f32(m.raw(m.tensor(op, "w")).tobytes(), count, x.shape[-1])
    return clamp(sum_f32(x.reshape(-1, x.shape[-1]), w.T, m.vector(op, "bias", count)), op)


def _products(m: Machine, op: PlanOp) -> Array:
    x, count = m.get(op, "x"), m.tensor(op, "y").dims[-1]
    w = unpack_matrix_i8(m.raw(m.tensor(op, "w")).tobytes(), count, x.shape[-1])
    return np.asarray(x.reshape(-1, x.shape[-1]).astype(np.float64) @ w.T.astype(np.float64))


def _i8(m: Machine, op: PlanOp) -> Array:
    return finish_i8(m, op, _products(m, op))


def _q8(m: Machine, op: PlanOp) -> Array:
    return finish_f64(m, op, _products(m, op))


_QUANTIZED = "*x *w *bias *mult *y x_zero:i8 y_zero:i8 low:i8 high:i8 @scratch"

CODES = (
    opcode(5, "dense_f32", "*x *w *bias *y low:bound high:bound @scratch", _check, _f32, scratch=_scratch),
    opcode(6, "dense_i8", _QUANTIZED, _check, _i8, scratch=_scratch),
    opcode(25, "dense_q8", _QUANTIZED, _check_q8, _q8, scratch=_scratch),
)
