"""What convolution, depthwise convolution and dense layers share: packed weights, a bias, bounds, requantization."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from edgefn.errors import UnsupportedError
from edgefn.graph.draft import Lowering, Packed, Step, bounds_of, constant_of, scalar_of
from edgefn.graph.ir import OPEN, Bounds, Node, Op
from edgefn.graph.ops.pack import pack_vector, round_up
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine, saturate
from edgefn.graph.view import View

__all__ = [
    "Weighted",
    "check_panel",
    "check_weights",
    "finish_i8",
    "lower_weights",
    "panel_bytes",
    "refuse_long",
    "sum_f32",
]

type Array = NDArray[Any]

MAX_PANEL = 1 << 28
MAX_ROWS = 96


@dataclass(frozen=True, slots=True)
class Weighted(Op):
    """Inputs x, w and perhaps bias; `axis` is the one of the weights that counts output channels."""

    axis: ClassVar[int] = 0
    bounds: Bounds = field(default=OPEN, kw_only=True)


def panel_rows(rows: int) -> int:
    """Rows that a matrix multiplication gathers at a time."""
    return min(MAX_ROWS, round_up(rows, 4))


def panel_bytes(dtype: str, *, rows: int, k: int) -> int:
    """Working memory of a matrix multiplication: panels of `rows` rows, and four gathered rows."""
    if dtype == "f32":
        return (panel_rows(rows) * k + 4 * k) * 4
    return panel_rows(rows) * round_up(k, 2) * 2 + 4 * round_up(round_up(k, 2), 16)


def lower_weights(low: Lowering, node: Node, packed: bytes, *, code: str, k: int, scratch: int, **words: int) -> Step:
    """A step with weights: `packed` holds them, `k` is how many products a sum has, `words` are further parameters."""
    (x, w, *_), y = low.operands(node)
    op: Any = node.op
    operands = {"x": low.source(x.name), "w": Packed(y.dtype, w.shape, packed), "y": y.name}
    ending = _quantized(low, node, op.axis) if y.dtype == "i8" else {"bias": _bias(low, node)}
    values = {**operands, **words, **ending, **bounds_of(op.bounds, y)}
    return Step(f"{code}_{y.dtype}", node, values, scratch=scratch, macs=y.size * k)


def refuse_long(node: Node, *, rows: int, k: int) -> None:
    """Raise UnsupportedError when a sum is longer than a panel may be."""
    if panel_rows(rows) * k > MAX_PANEL:
        raise UnsupportedError("EFN-M012", f"node {node.name!r} sums over {k:,} products", hint="make it smaller")


def _bias(low: Lowering, node: Node) -> Packed:
    (_, _, *bias), y = low.operands(node)
    value = constant_of(bias[0]) if bias else np.zeros(y.shape[-1], np.float32)
    return Packed("f32", (y.shape[-1],), pack_vector(value.astype(np.float32)))


def _quantized(low: Lowering, node: Node, axis: int) -> dict[str, Any]:
    """Bias with the zero point of x folded in, multipliers and zero points."""
    (x, w, bias), y = low.operands(node)
    sums = np.moveaxis(constant_of(w).astype(np.int64), axis, 0).reshape(y.shape[-1], -1).sum(axis=1)
    (x_scale, x_zero), (y_scale, y_zero) = scalar_of(x), scalar_of(y)
    scales = w.quantization.scale.astype(np.float64) if w.quantization else np.ones(1)
    folded = (constant_of(bias).astype(np.int64) - x_zero * sums).astype(np.int32)
    mult = (x_scale * scales / y_scale).astype(np.float32)
    vectors = {"bias": Packed("i32", folded.shape, pack_vector(folded))}
    vectors["mult"] = Packed("f32", mult.shape, pack_vector(mult, fill=1))
    return {**vectors, "x_zero": x_zero, "y_zero": y_zero}


def check_weights(v: View, *, packed: int, m: int, scratch: int) -> None:
    """Dtypes, `packed` bytes of weights, bias and multipliers of `m` outputs, and the scratch."""
    real = v.name.rpartition("_")[2]
    v.dtypes(x=real, y=real, w=real, bias="i32" if real == "i8" else "f32")
    v.whole("x")
    sizes = {"w": packed, "bias": round_up(m, 8) * 4}
    if real == "i8":
        v.dtypes(mult="f32")
        sizes["mult"] = round_up(m, 8) * 4
    for part, size in sizes.items():
        t = v.tensor[part]
        v.need(t.place == "weights" and t.nbytes == size, f"{part} has {t.nbytes:,} bytes in {t.place}, not {size:,}")
    v.need(v.op["scratch"] + scratch <= v.arena_bytes, f"scratch of {scratch:,} bytes does not fit in the arena")


def check_panel(v: View, *, rows: int, k: int) -> None:
    """Need sums no longer than a panel may be."""
    v.need(k * panel_rows(rows) <= MAX_PANEL, f"K = {k:,} is too long")


def sum_f32(columns: Array, w: Array, bias: Array) -> Array:
    """`columns` `[rows, K]` by `w` `[K, M]`, added in the order of K, every product and sum rounded."""
    total = np.zeros((len(columns), w.shape[1]), np.float32)
    for k in range(len(w)):
        total += columns[:, k, None] * w[k]
    return total + bias


def finish_i8(m: Machine, op: PlanOp, products: Array) -> Array:
    """Exact sums `[..., M]` to i8."""
    count = products.shape[-1]
    bias, mult = m.vector(op, "bias", count), m.vector(op, "mult", count)
    total = (products.astype(np.int64) + bias).astype(np.int32)
    return saturate(total.astype(np.float32) * mult, op["y_zero"], op["low"], op["high"])
