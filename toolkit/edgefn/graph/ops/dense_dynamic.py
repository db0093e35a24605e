"""dense_dynamic: integers `[..., K]`, of which only a run knows scale and zero point, by constant weights `[M, K]`."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Packed, Step, constant_of
from edgefn.graph.ir import OPEN, Bounds, Node, Op
from edgefn.graph.opcode import opcode
from edgefn.graph.ops.dynamic import check_range, zero_of
from edgefn.graph.ops.matrix import check_panel, panel_rows, refuse_long
from edgefn.graph.ops.pack import pack_quads, pack_vector, round_up, unpack_quads
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine, clamp
from edgefn.graph.view import View

__all__ = ["CODES", "DenseDynamic", "DenseInteger", "lower_dynamic", "lower_integer"]

type Array = NDArray[Any]

SEVEN_BITS = 127
MOST = 255  # of the distance between a weight and its zero point
FEW = 256  # one weight in so many may be an extra: they are added one by one


@dataclass(frozen=True, slots=True)
class DenseInteger(Op):
    """Inputs x (i8), its zero point (one i8), weights i8 or u8 `[M, K]` and their zero points i32 `[M]`; gives i32."""


@dataclass(frozen=True, slots=True)
class DenseDynamic(Op):
    """Inputs x (i8), its range, weights and zero points as DenseInteger has them, and scales and a bias, f32 `[M]`."""

    bounds: Bounds = OPEN


def lower_integer(low: Lowering, node: Node, _op: DenseInteger) -> Step:
    (x, zero, w, zeros), y = low.operands(node)
    values = {"x": low.source(x.name), "zero": low.source(zero.name), "y": y.name}
    return _step(low, node, "dense_i8_i32", values | _weights(constant_of(w), constant_of(zeros)))


def lower_dynamic(low: Lowering, node: Node, op: DenseDynamic) -> Step:
    (x, steps, w, zeros, scales, bias), y = low.operands(node)
    values = {"x": low.source(x.name), "range": low.source(steps.name), "y": y.name, **low.bounds(op.bounds, y)}
    values |= {"scales": _vector(constant_of(scales), "f32"), "bias": _vector(constant_of(bias), "f32")}
    return _step(low, node, "dense_dynamic", values | _weights(constant_of(w), constant_of(zeros)))


def _step(low: Lowering, node: Node, code: str, values: dict[str, Any]) -> Step:
    (x, *_), y = low.operands(node)
    k, rows = x.shape[-1], y.size // y.shape[-1]
    refuse_long(node, rows=rows, k=k)
    return Step(code, node, values, scratch=_scratch_bytes(rows=rows, k=k, m=y.shape[-1]), macs=y.size * k)


def _weights(value: Array, zeros: Array) -> dict[str, Any]:
    """Weights as they are packed: in seven bits where few are left over, each column from 0 on; else as i8."""
    centred = value.astype(np.int64) - zeros[:, None]
    first = _first(centred)
    packed = np.clip(centred - first[:, None], 0, SEVEN_BITS)
    left = centred - first[:, None] - packed
    narrow = np.count_nonzero(left) * FEW <= value.size
    if not narrow:
        first = (128 if value.dtype == np.uint8 else 0) - zeros.astype(np.int64)
        packed, left = centred - first[:, None], np.zeros_like(centred)
    extras = _extras(left)
    return {
        "w": Packed("i8", value.shape, pack_quads(packed.astype(np.int8))),
        "sums": _vector(centred.sum(axis=1), "i32"),
        "zeros": _vector(-first, "i32"),
        "extras": Packed("i32", extras.shape, extras.tobytes()),
        "narrow": int(narrow),
    }


def _first(centred: Array) -> Array:
    """Where the seven bits begin that hold the most of each column `[M, K]`, whose values are -255 to 255."""
    columns, values = len(centred), 2 * MOST + 1
    places = (centred + MOST + np.arange(columns)[:, None] * values).reshape(-1)
    counts = np.bincount(places, minlength=columns * values).reshape(columns, values)
    below = np.concatenate([np.zeros((columns, 1), np.int64), counts.cumsum(axis=1)], axis=1)
    held = below[:, SEVEN_BITS + 1 :] - below[:, : -SEVEN_BITS - 1]
    return np.asarray(held.argmax(axis=1) - MOST)


def _extras(left: Array) -> NDArray[np.int32]:
    """Column, step and amount of what is not zero; at least one."""
    places = np.nonzero(left)
    found = np.stack([*places, left[places]], axis=1).astype(np.int32)
    return found if len(found) else np.zeros((1, 3), np.int32)


def _vector(value: Array, dtype: str) -> Packed:
    return Packed(dtype, value.shape, pack_vector(value.astype(np.int32 if dtype == "i32" else np.float32)))


def _scratch_bytes(*, rows: int, k: int, m: int) -> int:
    """Panels, totals of rows, and a term of each column."""
    block = panel_rows(rows)
    return block * round_up(k, 4) * 2 + (block + round_up(m, 8)) * 4


def _check(v: View) -> None:
    x, y, op = v.tensor["x"], v.tensor["y"], v.op
    v.dtypes(x="i8")
    v.whole("x")
    v.need(len(x.dims) > 0 and len(y.dims) > 0, "x or y has rank 0")
    k, m = x.dims[-1], y.dims[-1]
    rows = x.size // k
    v.need(rows == y.size // m, "x and y differ in rows")
    check_panel(v, rows=rows, k=k)
    v.packed("w", "i8", round_up(m, 8) * round_up(k, 4))
    for name in ("sums", "zeros"):
        v.packed(name, "i32", round_up(m, 8) * 4)
    _check_extras(v, m, k)
    v.need(op["narrow"] == 0 or bool(np.all(v.numbers("w", "<i1") >= 0)), "a narrow weight is negative")
    v.scratch(_scratch_bytes(rows=rows, k=k, m=m))


def _check_extras(v: View, m: int, k: int) -> None:
    t = v.tensor["extras"]
    v.need(len(t.dims) == 2 and t.dims[1] == 3, f"extras have the dims {t.dims}")
    v.packed("extras", "i32", t.size * 4)
    columns, steps, _ = v.numbers("extras", "<u4").reshape(-1, 3).T
    v.need(bool(columns.max() < m and steps.max() < k), "an extra is outside the weights")


def _check_integer(v: View) -> None:
    v.dtypes(zero="i8", y="i32")
    v.whole("zero")
    v.need(v.tensor["zero"].size == 1, "zero is not one element")
    _check(v)


def _check_dynamic(v: View) -> None:
    v.dtypes(y="f32")
    check_range(v, "range")
    _check(v)
    for name in ("scales", "bias"):
        v.packed(name, "f32", round_up(v.tensor["y"].dims[-1], 8) * 4)


def _scratch(m: Machine, op: PlanOp) -> int:
    x, y = m.tensor(op, "x"), m.tensor(op, "y")
    return _scratch_bytes(rows=x.size // x.dims[-1], k=x.dims[-1], m=y.dims[-1])


def _sums(m: Machine, op: PlanOp, zero: int) -> Array:
    """Exact sums `[rows, M]`, wrapped in i32."""
    x, count = m.get(op, "x"), m.tensor(op, "y").dims[-1]
    k = x.shape[-1]
    w = unpack_quads(m.raw(m.tensor(op, "w")).tobytes(), count, k).astype(np.int64)
    rows = x.reshape(-1, k).astype(np.int64)
    for column, step, amount in m.get(op, "extras").tolist():
        w[column, step] += amount
    zeros, sums = (m.vector(op, name, count).astype(np.int64) for name in ("zeros", "sums"))
    products = np.rint(rows.astype(np.float64) @ w.T.astype(np.float64)).astype(np.int64)
    total = products - zero * sums - zeros * rows.sum(axis=1, keepdims=True)
    return total.astype(np.int32)


def _integer(m: Machine, op: PlanOp) -> Array:
    return _sums(m, op, int(m.get(op, "zero").reshape(-1)[0]))


def _dynamic(m: Machine, op: PlanOp) -> Array:
    steps, count = m.get(op, "range").reshape(-1), m.tensor(op, "y").dims[-1]
    by = steps[0] * m.vector(op, "scales", count)
    return clamp(_sums(m, op, zero_of(steps)).astype(np.float32) * by + m.vector(op, "bias", count), op)


_WEIGHTS = "*w *sums *zeros *extras narrow:flag @scratch"

CODES = (
    opcode(
        48,
        "dense_dynamic",
        f"*x *range *scales *bias *y low:bound high:bound {_WEIGHTS}",
        _check_dynamic,
        _dynamic,
        scratch=_scratch,
    ),
    opcode(54, "dense_i8_i32", f"*x *zero *y {_WEIGHTS}", _check_integer, _integer, scratch=_scratch),
)
