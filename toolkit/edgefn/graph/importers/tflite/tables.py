"""Operators that give each byte another, such as LOGISTIC, HARD_SWISH and QUANTIZE of integers, as tables of 256.

The tables hold what LiteRT's reference kernels compute, in their fixed point or in f32.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.ir import NUMPY, Bounds, Node, Tensor
from edgefn.graph.ops import Lookup, Unary, fixed

__all__ = [
    "RANGES",
    "absolute",
    "hard_swish",
    "in_floats",
    "leaky_relu",
    "logistic",
    "looked_up",
    "quotients",
    "rectified",
    "requantized",
    "rescaled",
    "root",
    "rsqrt",
    "steps",
    "tanh",
]

type Array = NDArray[Any]

ROOT_BITS = 20  # behind the point of an inverse root
COMPARED_BITS = 8  # behind the point of what is compared
RANGES = {"i8": (-128, 127), "u8": (0, 255)}


def logistic(call: Call) -> str:
    return _smooth(call, "sigmoid", lambda v: 1 / (1 + np.exp(-v)))


def tanh(call: Call) -> str:
    return _smooth(call, "tanh", np.tanh)


def _smooth(call: Call, name: str, function: Callable[[Array], Array]) -> str:
    x = call.numbers(0)
    if x.dtype == "f32":
        return call.emit(Unary(name), (x.name,), x.shape)
    return looked_up(call, x, in_floats(call, x, lambda v: function(v.astype(np.float64))))


def requantized(call: Call, x: Tensor) -> str:
    """Integers of one scale as integers of another."""
    (x_scale, x_zero), (y_scale, y_zero) = _scalar(call, x), _scalar(call, call.output)
    by = _multiplier(call, x_scale / y_scale)
    return looked_up(call, x, fixed.scaled(_values(x) - x_zero, *by) + y_zero)


def rescaled(call: Call, x: Tensor) -> str:
    """The same in floats, as a concatenation of u8 of several scales does it; `x` is 128 lower."""
    (x_scale, x_zero), (y_scale, y_zero) = (
        (np.float32(scale), zero + 128) for scale, zero in (_scalar(call, x), _scalar(call, call.output))
    )
    by = x_scale * (np.float32(1) / y_scale)
    v = (_values(x) + 128).astype(np.float32) * by + np.float32(-x_zero) * by
    return looked_up(call, x, (np.sign(v) * np.floor(np.abs(v) + np.float32(0.5))).astype(np.int64) + y_zero - 128)


def looked_up(call: Call, x: Tensor, wanted: Array) -> str:
    """`wanted` has one value for each of x, from the least; it is clamped to what the output holds."""
    dtype = call.output.dtype
    least = RANGES[x.dtype][0]
    values = np.clip(np.roll(wanted, least), *RANGES[dtype]).astype(NUMPY[dtype])
    table = call.scope.constant(f"{call.label}.table", values)
    return call.emit(Lookup(), (x.name, table), x.shape)


def in_floats(call: Call, x: Tensor, function: Callable[[Array], Array]) -> Array:
    """A function of f32, which is what kernels without a fixed point of their own fill their tables with."""
    (x_scale, x_zero), (y_scale, y_zero) = _scalar(call, x), _scalar(call, call.output)
    with np.errstate(all="ignore"):
        y = function(np.float32(x_scale) * (_values(x) - x_zero).astype(np.float32))
        steps = (y.astype(np.float32) * (np.float32(1) / np.float32(y_scale))).astype(np.float64)
    whole = np.sign(steps) * np.floor(np.abs(steps) + 0.5) + y_zero
    return np.asarray(np.nan_to_num(whole, nan=-(2.0**31)))


def root(call: Call, x: Tensor) -> Array:
    """In f32, cut towards 0."""
    (x_scale, x_zero), (y_scale, y_zero) = _scalar(call, x), _scalar(call, call.output)
    reals = np.float32(x_scale) * np.maximum(_values(x) - x_zero, 0).astype(np.float32)
    return np.asarray(np.trunc(np.sqrt(reals) / np.float32(y_scale)) + y_zero)


def quotients(call: Call, a: Tensor, b: Tensor) -> Array:
    """Of every two bytes, `[65536]` by `256 * a + b`, below 0 from the end; b at its zero point counts as 1.

    Where TFLite shifts by more than 31 bits, which C does not define, it is the quotient, which is next to nothing.
    """
    (a_scale, a_zero), (b_scale, b_zero), (y_scale, y_zero) = (_scalar(call, t) for t in (a, b, call.output))
    multiplier, shift = _multiplier(call, float(np.float32(a_scale) / (np.float32(b_scale) * np.float32(y_scale))))
    over, under = (_values(a) - a_zero)[:, None], (_values(b) - b_zero)[None, :]
    over, under = np.where(under < 0, -over, over), np.maximum(np.abs(under), 1)
    bits = np.frexp(under.astype(np.float64))[1].astype(np.int64)
    inverse = fixed.reciprocal((under << (32 - bits)) - 2**31)
    headroom = 31 - np.frexp(np.where(over < 0, ~over, over).astype(np.float64))[1].astype(np.int64)
    quotient = fixed.high(over << headroom, inverse)
    wanted = fixed.scaled(quotient, multiplier, shift - (bits - 1) - headroom) + y_zero
    return np.roll(np.clip(wanted, *RANGES["i8"]).astype(np.int8).reshape(-1), -128 * 256 - 128)


def absolute(call: Call, x: Tensor) -> Array:
    (x_scale, x_zero), (y_scale, y_zero) = _scalar(call, x), _scalar(call, call.output)
    return fixed.scaled(np.abs(_values(x) - x_zero), *_ratio(call, x_scale, y_scale)) + y_zero


def leaky_relu(call: Call, x: Tensor) -> Array:
    """A slope below 0 may be negative, too."""
    (x_scale, x_zero), (y_scale, y_zero) = _scalar(call, x), _scalar(call, call.output)
    alpha, v = call.option("alpha"), _values(x) - x_zero
    multiplier, shift = _ratio(call, float(np.float32(x_scale) * np.float32(abs(alpha))), y_scale)
    below = fixed.scaled(v, -multiplier if alpha < 0 else multiplier, shift)
    return np.where(v < 0, below, fixed.scaled(v, *_ratio(call, x_scale, y_scale))) + y_zero


def hard_swish(call: Call, x: Tensor) -> Array:
    """In 16 bits: `x * (x + 3) / 6` with `x / 3` between -1 and 1."""
    (x_scale, x_zero), (y_scale, y_zero) = _scalar(call, x), _scalar(call, call.output)
    fine = np.float32(1 / 128) * np.float32(x_scale)
    out, out_shift = _ratio(call, float(fine), y_scale)
    part, part_shift = _ratio(call, float(fine), 3 / 32768)
    if out_shift > 0:
        call.refuse(f"scales of {x_scale:g} to {y_scale:g}, which TFLite does not prepare")
    v = (_values(x) - x_zero) << 7
    relu = v
    if part_shift > 0:
        relu = _s16(relu << (part_shift - 1))
    relu = _high16(relu, part)
    if part_shift > 0:
        relu = _s16(relu << 1)
    if part_shift < 0:
        relu = fixed.shifted(relu, -part_shift)
    product = ((relu + 2**15) >> 1) * _high16(v, out)
    return fixed.shifted(_s16(np.sign(product) * (np.abs(product) >> 15)), -out_shift) + y_zero


def _s16(v: Array) -> Array:
    return np.clip(v, -(2**15), 2**15 - 1)


def _high16(v: Array, multiplier: int) -> Array:
    """Times a multiplier cut to 16 bits: gemmlowp's SaturatingRoundingDoublingHighMul of i16."""
    return _s16((v * min((multiplier + 2**15) >> 16, 2**15 - 1) + 2**14) >> 15)


def rsqrt(call: Call, x: Tensor) -> Array:
    """What is not above 0 gives the largest number there is."""
    (x_scale, x_zero), (y_scale, y_zero) = _scalar(call, x), _scalar(call, call.output)
    by = _multiplier(call, float(1 / np.float64(np.sqrt(np.float32(x_scale)) * np.float32(y_scale))))
    v = _values(x) - x_zero
    roots, shifts = np.array([fixed.inverse_root(max(int(one), 1)) for one in v]).T
    data = fixed.scaled(np.ones_like(v), roots, shifts + ROOT_BITS)
    wanted = fixed.scaled(data, by[0], by[1] - ROOT_BITS) + y_zero
    return np.where(v > 0, wanted, RANGES[call.output.dtype][1])


def rectified(call: Call, x: Tensor, bounds: Bounds) -> str:
    """Between two bounds, in another quantization."""
    (x_scale, x_zero), (y_scale, y_zero) = _scalar(call, x), _scalar(call, call.output)
    v = fixed.scaled(_values(x) - x_zero, *_ratio(call, x_scale, y_scale)) + y_zero
    ends = (np.array([bounds.low, bounds.high], np.float32) / np.float32(y_scale)).astype(np.float64)
    low, high = np.sign(ends) * np.floor(np.abs(ends) + 0.5) + y_zero
    return looked_up(call, x, np.clip(v, low, high))


def steps(call: Call, x: Tensor) -> NDArray[np.int32]:
    """What every byte is compared by: its real value in steps of 1 / 256, `[256]` by the bytes as u8."""
    scale, zero = _scalar(call, x)
    wanted = fixed.scaled((_values(x) - zero) << COMPARED_BITS, *_multiplier(call, scale))
    return np.roll(wanted, RANGES[x.dtype][0]).astype(np.int32)


def _values(x: Tensor) -> Array:
    low, high = RANGES[x.dtype]
    return np.arange(low, high + 1, dtype=np.int64)


def _scalar(call: Call, t: Tensor) -> tuple[float, int]:
    if t.dtype not in RANGES or t.quantization is None or not t.quantization.per_tensor:
        call.refuse(f"{t.dtype} tensor {t.name!r}; i8 and u8 with one scale are supported")
    return t.quantization.scalar


def _multiplier(call: Call, real: float) -> tuple[int, int]:
    return fixed.multiplier_of(Node(call.label, Lookup(), (), ""), real)


def _ratio(call: Call, over: float, by: float) -> tuple[int, int]:
    """A quotient of scales that TFLite computes in f32."""
    return _multiplier(call, float(np.float32(over) / np.float32(by)))
