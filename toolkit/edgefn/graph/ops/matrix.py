"""What convolution, depthwise convolution and dense layers share: packed weights, a bias, bounds, requantization."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from edgefn.errors import UnsupportedError
from edgefn.graph.draft import Lowering, Packed, Step, constant_of, scalar_of
from edgefn.graph.ir import OPEN, Bounds, Node, Op
from edgefn.graph.ops.fixed import end, multiplier_of, real_factors, scaled, valid_multipliers, whole
from edgefn.graph.ops.pack import pack_vector, round_up
from edgefn.graph.ops.scaling import Scaling, Steps, find_scaling, scaled_f32, valid_scaling
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine, saturate
from edgefn.graph.view import View

__all__ = [
    "Weighted",
    "check_f64",
    "check_fixed",
    "check_panel",
    "check_weights",
    "ends_of",
    "finish_f64",
    "finish_fixed",
    "finish_i8",
    "lower_weights",
    "panel_bytes",
    "panel_rows",
    "refuse_long",
    "sum_f32",
]

type Array = NDArray[Any]

MAX_PANEL = 1 << 28
MAX_ROWS = 96
ROOM = 16  # bytes that vectors read behind the rows
EVERY = slice(None)  # channel
LOOKS = 1 << 9  # of a channel, for a search that takes a fifth of a millisecond


@dataclass(frozen=True, slots=True)
class Weighted(Op):
    """Inputs x, w and perhaps bias; `axis` is the one of the weights that counts output channels.

    `by_f64`: TFLite scales its sums by f64, not in fixed point.
    """

    axis: ClassVar[int] = 0
    by_f64: ClassVar[bool] = False
    bounds: Bounds = field(default=OPEN, kw_only=True)


def panel_rows(rows: int) -> int:
    """Rows of a block of a matrix multiplication."""
    return min(MAX_ROWS, round_up(rows, 4))


def panel_bytes(dtype: str, *, rows: int, k: int) -> int:
    """Working memory of a matrix multiplication: a block of `rows` rows, packed or, of i8, widened."""
    if dtype == "f32":
        return panel_rows(rows) * k * 4
    return panel_rows(rows) * round_up(k, 2) * 2 + ROOM


def lower_weights(low: Lowering, node: Node, packed: bytes, *, code: str, k: int, scratch: int, **words: int) -> Step:
    """A step with weights: `packed` holds them, `k` is how many products a sum has, `words` are further parameters."""
    (x, w, *_), y = low.operands(node)
    op: Any = node.op
    operands = {"x": low.source(x.name), "w": Packed(y.dtype, w.shape, packed), "y": y.name}
    kind, ending = _quantized(low, node) if y.dtype == "i8" else ("f32", {"bias": _bias(low, node)})
    values = {**operands, **words, **ending, **low.bounds(op.bounds, y)}
    return Step(f"{code}_{kind}", node, values, scratch=scratch, macs=y.size * k)


def refuse_long(node: Node, *, rows: int, k: int) -> None:
    """Raise UnsupportedError when a sum is longer than a panel may be."""
    if panel_rows(rows) * k > MAX_PANEL:
        raise UnsupportedError("EFN-M012", f"node {node.name!r} sums over {k:,} products", hint="make it smaller")


def _bias(low: Lowering, node: Node) -> Packed:
    (_, _, *bias), y = low.operands(node)
    value = constant_of(bias[0]) if bias else np.zeros(y.shape[-1], np.float32)
    return Packed("f32", (y.shape[-1],), pack_vector(value.astype(np.float32)))


def ends_of(low: Lowering, node: Node, least: Array, most: Array) -> tuple[Array, Array]:
    """The least and the largest i8 results `[M]` of a layer whose sums `[M]` of x by w, in i64, lie between these.

    A sum that would not stay in i32 makes every result possible.
    """
    start = _folded_bias(low, node)
    stays = (least + start >= -(2**31)) & (most + start < 2**31)
    ends = [np.where(stays, sums + start, wild) for sums, wild in ((least, -(2**31)), (most, 2**31 - 1))]
    return _finished(low, node, ends[0]), _finished(low, node, ends[1])


def _finished(low: Lowering, node: Node, sums: Array, channels: slice = EVERY) -> Array:
    """I8 results of sums `[..., n]`, with their bias, of n of the channels."""
    op: Any = node.op
    y, factors = low.graph.tensors[node.output], _factors(low, node)[channels]
    ending = scalar_of(y)[1], *low.bounds(op.bounds, y).values()
    if not low.fixed:
        with np.errstate(over="ignore"):  # what is infinite is saturated
            return saturate(sums.astype(np.float32) * factors.astype(np.float32), *ending)
    if op.by_f64:
        return end(whole(sums * factors), *ending)
    mult, shift = _fixed_pairs(node, factors).astype(np.int64).T
    return end(scaled(sums, mult, shift), *ending)


def _folded_bias(low: Lowering, node: Node) -> Array:
    """The bias `[M]` with the zero point of x folded in, in i64."""
    (x, w, *bias), y = low.operands(node)
    op: Any = node.op
    sums = np.moveaxis(constant_of(w).astype(np.int64), op.axis, 0).reshape(y.shape[-1], -1).sum(axis=1)
    start = constant_of(bias[0]).astype(np.int64) if bias else np.zeros(y.shape[-1], np.int64)
    return np.asarray(start - scalar_of(x)[1] * sums)


def _factors(low: Lowering, node: Node) -> Array:
    """What the sums of every channel `[M]` are scaled by, in f64."""
    (x, w, *_), y = low.operands(node)
    scales = w.quantization.scale if w.quantization else np.ones(1, np.float32)
    return np.broadcast_to(real_factors(scalar_of(x)[0], scales, scalar_of(y)[0]), y.shape[-1:])


def _quantized(low: Lowering, node: Node) -> tuple[str, dict[str, Any]]:
    """Ending of the code; bias with the zero point of x folded in, multipliers and zero points.

    TFLite's arithmetic is that of a q8 code, unless a product in f32 gives the same.
    """
    (x, *_), y = low.operands(node)
    folded, scaling = _folded_bias(low, node), _scaling(low, node)
    kind, mult = ("i8", _packed(scaling)) if scaling else ("q8", _multipliers(node, _factors(low, node)))
    bias = (folded + scaling.shift if scaling else folded).astype(np.int32)
    return kind, {
        "bias": Packed("i32", bias.shape, pack_vector(bias)),
        "mult": mult,
        "x_zero": scalar_of(x)[1],
        "y_zero": scalar_of(y)[1],
    }


def _scaling(low: Lowering, node: Node) -> Scaling | None:
    """How an _i8 code scales the sums: as ONNX does it, or as TFLite, where it can."""
    (_, w, *_), y = low.operands(node)
    op: Any = node.op
    factors = _factors(low, node)
    if not low.fixed:
        return Scaling.of(factors)
    if not low.graph.allowance.look(len(factors) * LOOKS):
        return None
    weights = np.moveaxis(constant_of(w).astype(np.int64), op.axis, 0).reshape(y.shape[-1], -1)
    start, bounds = _folded_bias(low, node), low.bounds(op.bounds, y)
    steps = Steps(
        exact=partial(_finished, low, node),
        factor=factors,
        least=start + np.minimum(weights * -128, weights * 127).sum(axis=1),
        most=start + np.maximum(weights * -128, weights * 127).sum(axis=1),
        zero=scalar_of(y)[1],
        low=bounds["low"],
        high=bounds["high"],
    )
    return find_scaling(steps)


def _packed(scaling: Scaling) -> Packed:
    data = b"".join(pack_vector(v) for v in (scaling.factor, scaling.offset, scaling.centre))
    return Packed("f32", (3, len(data) // 12), data)


def _multipliers(node: Node, factors: Array) -> Packed:
    """Of a q8 code: f64, which a plan holds as pairs of i32, or fixed point and then its shifts."""
    op: Any = node.op
    if op.by_f64:
        data = pack_vector(factors, fill=1)
        return Packed("i32", (len(data) // 8, 2), data)
    pairs = _fixed_pairs(node, factors)
    data = pack_vector(pairs[:, 0]) + pack_vector(pairs[:, 1])
    return Packed("i32", (2, len(data) // 8), data)


def _fixed_pairs(node: Node, factors: Array) -> Array:
    """Fixed-point multipliers and their shifts, `[M, 2]`."""
    return np.array([multiplier_of(node, float(f)) for f in factors], np.int32)


def check_weights(v: View, *, packed: int, m: int) -> None:
    """Dtypes, `packed` bytes of weights, bias and f32 multipliers of `m` outputs."""
    real = "f32" if v.name.endswith("_f32") else "i8"
    v.dtypes(x=real, y=real)
    v.whole("x")
    v.packed("w", real, packed)
    v.packed("bias", "i32" if real == "i8" else "f32", round_up(m, 8) * 4)
    if v.name.endswith("_i8"):
        v.packed("mult", "f32", round_up(m, 8) * 12)
        v.need(
            valid_scaling(*v.numbers("mult", "<f4").reshape(3, -1)), "a factor, an offset or a centre is out of range"
        )


def check_fixed(v: View) -> None:
    """Need fixed-point multipliers and shifts of as many outputs as y has channels, all in range."""
    v.packed("mult", "i32", round_up(v.tensor["y"].dims[-1], 8) * 8)
    mult, shift = v.numbers("mult").reshape(2, -1)
    v.need(valid_multipliers(mult, shift), "a multiplier or a shift is out of range")


def check_f64(v: View) -> None:
    """Need f64 multipliers of as many outputs as y has channels, all finite and positive."""
    v.packed("mult", "i32", round_up(v.tensor["y"].dims[-1], 8) * 8)
    mult = v.numbers("mult", "<f8")
    v.need(bool(np.all((mult > 0) & (mult < np.inf))), "a multiplier is out of range")


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
    factor, offset, centre = m.raw(m.tensor(op, "mult")).view("<f4").reshape(3, -1)[:, : products.shape[-1]]
    v = scaled_f32(_sums(m, op, products), factor, offset, centre)
    return np.asarray(np.clip(v + op["y_zero"], op["low"], op["high"]))


def finish_fixed(m: Machine, op: PlanOp, products: Array) -> Array:
    """Exact sums `[..., M]` to i8, in fixed point."""
    pairs = m.raw(m.tensor(op, "mult")).view("<i4").reshape(2, -1)[:, : products.shape[-1]].astype(np.int64)
    return end(scaled(_sums(m, op, products), pairs[0], pairs[1]), op["y_zero"], op["low"], op["high"])


def finish_f64(m: Machine, op: PlanOp, products: Array) -> Array:
    """Exact sums `[..., M]` to i8, by f64 multipliers."""
    mult = m.raw(m.tensor(op, "mult")).view("<f8")[: products.shape[-1]]
    return end(whole(_sums(m, op, products) * mult), op["y_zero"], op["low"], op["high"])


def _sums(m: Machine, op: PlanOp, products: Array) -> Array:
    """With the bias, wrapping in i32."""
    return (products.astype(np.int64) + m.vector(op, "bias", products.shape[-1])).astype(np.int32)
