"""matmul_q8: `[..., M, K]` by `[..., K, N]` in i8, both computed at run time, as TFLite's reference kernels do."""

from dataclasses import dataclass
from struct import pack, unpack
from typing import Any, Literal

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step, scalar_of
from edgefn.graph.ir import OPEN, Bounds, Node, Op
from edgefn.graph.opcode import opcode
from edgefn.graph.ops.fixed import MAX_SHIFT, MIN_SHIFT, end, multiplier_of, scaled, whole
from edgefn.graph.ops.matrix import check_panel, panel_rows, refuse_long
from edgefn.graph.ops.pack import round_up
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine
from edgefn.graph.view import View

__all__ = ["CODES", "MatMulQ8", "lower"]

type Array = NDArray[Any]

MOST = 1 << 30
ROUNDINGS = ("fixed", "f64")  # as a plan numbers them


@dataclass(frozen=True, slots=True)
class MatMulQ8(Op):
    """Inputs a and b, with one scale each; gives `batch` matrices `[m, n]`, one after another.

    The matrices of a, `[m, k]`, lie close, `a_step` apart. Those of b, `[k, n]`, begin `b_step` apart; their elements
    lie `b_row` and `b_column` apart. `rounding` is that of BATCH_MATMUL, in fixed point, or of FULLY_CONNECTED, in f64.
    """

    batch: int
    m: int
    n: int
    k: int
    a_step: int
    b_step: int
    b_row: int
    b_column: int
    rounding: Literal["fixed", "f64"] = "fixed"
    bounds: Bounds = OPEN


def lower(low: Lowering, node: Node, op: MatMulQ8) -> Step:
    (a, b), y = low.operands(node)
    refuse_long(node, rows=op.m, k=op.k)
    (a_scale, a_zero), (b_scale, b_zero), (y_scale, y_zero) = scalar_of(a), scalar_of(b), scalar_of(y)
    real = a_scale * b_scale / y_scale
    factor = multiplier_of(node, real) if op.rounding == "fixed" else unpack("<ii", pack("<d", real))
    sizes = {name: getattr(op, name) for name in ("batch", "m", "n", "k", "a_step", "b_step", "b_row", "b_column")}
    values: dict[str, Any] = {"a": low.source(a.name), "b": low.source(b.name), "y": y.name, **sizes}
    values |= {"rounding": ROUNDINGS.index(op.rounding), "factor0": factor[0], "factor1": factor[1]}
    values |= {"a_zero": a_zero, "b_zero": b_zero, "y_zero": y_zero, **low.bounds(op.bounds, y)}
    scratch = _scratch_bytes(op.m, op.n, op.k)
    return Step("matmul_q8", node, values, scratch=scratch, macs=op.batch * op.m * op.n * op.k)


def _scratch_bytes(m: int, n: int, k: int) -> int:
    """Packed b, a term of each column, panels, and the sums and totals of their rows."""
    wide, k4, block = round_up(n, 8), round_up(k, 4), panel_rows(m)
    return wide * k4 + wide * 4 + block * k4 * 2 + block * (n + 1) * 4


def _check(v: View) -> None:
    op, a, b, y = v.op, v.tensor["a"], v.tensor["b"], v.tensor["y"]
    v.dtypes(a="i8", b="i8", y="i8")
    v.whole("a", "b")
    batch, m, n, k = (op[name] for name in ("batch", "m", "n", "k"))
    v.need(all(1 <= size <= MOST for size in (batch, m, n, k)), "a size is out of range")
    steps = [op[name] for name in ("a_step", "b_step", "b_row", "b_column")]
    v.need(all(s <= MOST for s in steps), "a stride is out of range")
    v.need((batch - 1) * steps[0] + m * k <= a.size, "a is read behind its end")
    v.need((batch - 1) * steps[1] + (k - 1) * steps[2] + (n - 1) * steps[3] < b.size, "b is read behind its end")
    v.need(batch * m * n == y.size, f"y has {y.size:,} elements, not {batch * m * n:,}")
    check_panel(v, rows=m, k=k)
    v.need(_valid_factor(op), "the factor is out of range")
    v.scratch(_scratch_bytes(m, n, k))


def _valid_factor(op: PlanOp) -> bool:
    if op["rounding"] == 0:
        mult, shift = op["factor0"], op["factor1"]
        return bool((mult == 0 or mult >= 1 << 30) and MIN_SHIFT <= shift <= MAX_SHIFT)
    return bool(op["rounding"] == 1 and 0 < _f64(op) < np.inf)


def _f64(op: PlanOp) -> float:
    return float(unpack("<d", pack("<ii", op["factor0"], op["factor1"]))[0])


def _value(m: Machine, op: PlanOp) -> Array:
    a, b = (m.get(op, name).reshape(-1) for name in "ab")
    batch, rows, columns, k = (op[name] for name in ("batch", "m", "n", "k"))
    left = as_strided(a, (batch, rows, k), (op["a_step"], k, 1), writeable=False)
    right = as_strided(b, (batch, k, columns), (op["b_step"], op["b_row"], op["b_column"]), writeable=False)
    centred = (left.astype(np.float64) - op["a_zero"], right.astype(np.float64) - op["b_zero"])
    total = (centred[0] @ centred[1]).astype(np.int64).astype(np.int32)
    fixed = op["rounding"] == 0
    v = scaled(total, op["factor0"], op["factor1"]) if fixed else whole(total.astype(np.float64) * _f64(op))
    return end(v, op["y_zero"], op["low"], op["high"])


CODES = (
    opcode(
        70,
        "matmul_q8",
        "*a *b *y batch m n k a_step b_step b_row b_column rounding -factor0 -factor1"
        " a_zero:i8 b_zero:i8 y_zero:i8 low:i8 high:i8 @scratch",
        _check,
        _value,
        scratch=lambda _m, op: _scratch_bytes(op["m"], op["n"], op["k"]),
    ),
)
