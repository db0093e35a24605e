"""TFLite's fixed point: multipliers as its kernels prepare them, and the arithmetic of docs/spec/plan.md, in numpy."""

from functools import lru_cache
from math import floor, frexp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.errors import UnsupportedError
from edgefn.graph.ir import Node

__all__ = [
    "EXP_ENTRIES",
    "MAX_SHIFT",
    "MIN_SHIFT",
    "end",
    "exp_table",
    "high",
    "inverse_root",
    "multiplier_of",
    "real_factors",
    "reciprocal",
    "scaled",
    "shifted",
    "valid_multipliers",
    "whole",
]

type Array = NDArray[Any]

MIN_SHIFT, MAX_SHIFT = -31, 30
EXP_ENTRIES = 256
_ONE = 2**31  # in Q0.31
_INTEGER_BITS = 5  # of what gemmlowp takes the exponential of in a softmax


def multiplier_of(node: Node, real: float) -> tuple[int, int]:
    """`real`, 0 or more, as multiplier and shift: `multiplier * 2^(shift - 31)`, TFLite's QuantizeMultiplier.

    What is too small becomes 0. Raises UnsupportedError EFN-M012 when it is too large.
    """
    if real == 0:
        return 0, 0
    fraction, shift = frexp(min(real, 2.0**64))  # which is refused, as infinity is
    multiplier = floor(fraction * _ONE + 0.5)
    if multiplier == _ONE:
        multiplier, shift = _ONE // 2, shift + 1
    if shift < MIN_SHIFT:
        return 0, 0
    if shift > MAX_SHIFT:
        message = f"node {node.name!r} would multiply by {real:g}, which its fixed point cannot hold"
        raise UnsupportedError("EFN-M012", message, hint="quantize the model again with ordinary scales")
    return multiplier, shift


def real_factors(x_scale: float, w_scales: Array, y_scale: float) -> Array:
    """`x_scale * w_scales / y_scale` in f64, from scales that are f32."""
    return np.asarray(x_scale * w_scales.astype(np.float64) / y_scale)


def valid_multipliers(mult: Array, shift: Array) -> bool:
    """Whether a plan may hold these."""
    multipliers = (mult == 0) | (mult >= 2**30)
    return bool(np.all(multipliers & (shift >= MIN_SHIFT) & (shift <= MAX_SHIFT)))


def high(a: Array, b: Array | int) -> Array:
    """`floor((a * b + 2^30) / 2^31)`: gemmlowp's SaturatingRoundingDoublingHighMul."""
    return np.asarray((np.asarray(a, np.int64) * b + 2**30) >> 31)


def shifted(v: Array, by: Array | int) -> Array:
    """`v / 2^by` to the nearest, halves away from zero: gemmlowp's RoundingDivideByPOT."""
    half = (np.int64(1) << np.asarray(by, np.int64)) >> 1
    return np.asarray((v + half - ((v < 0) & (half > 0))) >> by)


def scaled(v: Array, mult: Array | int, shift: Array | int) -> Array:
    """TFLite's MultiplyByQuantizedMultiplier, rounding twice; `v` is i32, and the left shift wraps."""
    left = np.asarray(v, np.int64) << np.maximum(shift, 0)
    return shifted(high(left.astype(np.int32), mult), -np.minimum(shift, 0))


def whole(v: Array) -> Array:
    """f64 to the nearest integers, halves away from zero, saturated to i32."""
    cut = np.trunc(v)
    cut += np.where(np.abs(v - cut) >= 0.5, np.sign(v), 0)
    return np.clip(cut, -(2.0**31), 2.0**31 - 1).astype(np.int64)


def end(v: Array, zero: int, low: int, high: int) -> Array:
    """`v + zero`, wrapping in i32, clamped."""
    return np.clip((v + zero).astype(np.int32), low, high)


def exp_table(node: Node, scale: float) -> Array:
    """`exp(-d * scale)` in Q0.31 for d from 0 to 255, as gemmlowp approximates it for TFLite's softmax.

    Raises UnsupportedError EFN-M012 for a scale so small that TFLite does not prepare it.
    """
    fraction_bits = 31 - _INTEGER_BITS
    multiplier, shift = multiplier_of(node, min(scale * 2.0**fraction_bits, 2.0**31 - 1))
    if shift < 0:
        message = f"node {node.name!r} takes exponentials at the scale {scale:g}, too small for its fixed point"
        raise UnsupportedError("EFN-M012", message, hint="quantize the model again with ordinary scales")
    reach = floor((2**_INTEGER_BITS - 1) * 2.0**fraction_bits / 2.0**shift)
    d = np.minimum(np.arange(EXP_ENTRIES, dtype=np.int64), reach)
    table = np.where(np.arange(EXP_ENTRIES) <= reach, _exp(high(-d << shift, multiplier), _INTEGER_BITS), 0)
    return table.astype(np.int32)


def reciprocal(t: Array) -> Array:
    """`1 / (1 + t)` in Q0.31: gemmlowp's one_over_one_plus_x_for_x_in_0_1."""
    half = (t + _ONE) // 2
    r = 1515870810 + high(half, -1010580540)  # in Q2.29
    for _ in range(3):
        r = r + high(r, 2**29 - high(half, r)) * 4
    return np.asarray(np.minimum(r * 2, _ONE - 1))


@lru_cache(512)
def inverse_root(v: int) -> tuple[int, int]:
    """`1 / sqrt(v)`, of an integer that is 0 or more, as multiplier and shift: GetInvSqrtQuantizedMultiplierExp.

    0 counts as 1.
    """
    if v <= 1:
        return _ONE - 1, 0
    right = 11
    while v >= 2**29:
        v, right = v // 4, right + 1
    pairs = (31 - v.bit_length()) // 2 - 1
    half, right = ((v << 2 * pairs >> 1) + 1) >> 1, right - pairs
    x = 2**28  # 1 in Q3.28, as everything here
    for _ in range(5):
        cube = _saturated(_high(_high(x, x), x) << 6)
        x = _saturated((_high(x, 3 * 2**27) - _high(half, cube)) << 3)
    root = _high(x, 1518500250)  # the half of the root of 2
    return (root << -right, 0) if right < 0 else (root, -right)


def _high(a: int, b: int) -> int:
    return (a * b + 2**30) >> 31


def _saturated(v: int) -> int:
    return max(-_ONE, min(_ONE - 1, v))


def _exp(a: Array, bits: int) -> Array:
    """`exp(a)` in Q0.31 of `a` <= 0 with `bits` bits in front of the point: gemmlowp's exp_on_negative_values.

    A Taylor polynomial between -1/4 and 0, around -1/8, then a constant factor for each higher bit that `a` has.
    """
    quarter = 1 << (29 - bits)
    rest = (a & (quarter - 1)) - quarter
    x = (rest << bits) + 2**28
    x2 = high(x, x)
    tail = shifted(high(shifted(high(x2, x2), 2) + high(x2, x), 715827883) + x2, 1)
    value = 1895147668 + high(x + tail, 1895147668)
    factors = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
    for bit, factor in zip(range(29 - bits, 31), factors, strict=False):
        value = np.where((rest - a) & (1 << bit), high(value, factor), value)
    return np.where(a == 0, _ONE - 1, value)
