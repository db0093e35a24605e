"""gemmlowp's fixed point of 16 bits: sigmoid and tanh as TFLite's integer LSTM takes them (docs/spec/plan.md).

Arrays are i64 and hold i16; results have 15 bits behind the point, arguments 15 - n.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.ops.fixed import shifted

__all__ = ["ONE", "saturated", "sigmoid", "tanh"]

type Array = NDArray[Any]

ONE = 2**15 - 1
_EXP_EIGHTH, _THIRD, _48_17, _32_17 = 28918, 10923, 23130, -15420
_EXP_OF_BIT = (25520, 19875, 12055, 4435, 600, 11, 0)  # exp(-2^i) from i = -2 on


def saturated(v: Array) -> Array:
    return np.clip(v, -ONE - 1, ONE)


def sigmoid(x: Array) -> Array:
    """`x` with three bits in front of the point."""
    y = saturated(_newton(_exp(_negative(x), 3)) * 2)
    return np.where(x == 0, (ONE + 1) // 2, np.where(x > 0, y, ONE - y))


def tanh(x: Array, n: int) -> Array:
    """`x` with n bits in front of the point, at most 6."""
    y = saturated((_newton(_exp(_negative(x), n + 1)) - 2**13) * 4)
    return np.sign(x) * y


def _negative(x: Array) -> Array:
    return np.where(x > 0, -x, x)


def _times(a: Array, b: Array | int) -> Array:
    """SaturatingRoundingDoublingHighMul of 16 bits."""
    return saturated(np.right_shift(a * b + 2**14, 15))


def _wrapped(v: Array) -> Array:
    return np.asarray(v.astype(np.int16), np.int64)


def _exp(a: Array, n: int) -> Array:
    """`exp(a)` of `a` <= 0: gemmlowp's exp_on_negative_values.

    A Taylor polynomial between -1/4 and 0, around -1/8, then a constant factor for each higher bit that `a` has.
    """
    behind = 15 - n
    quarter = 1 << (behind - 2)
    rest = (a & (quarter - 1)) - quarter
    x = _wrapped((rest << n) + 2**12)
    x2 = _times(x, x)
    tail = _times(shifted(_times(x2, x2), 2) + _times(x2, x), _THIRD) + x2
    value = saturated(_EXP_EIGHTH + _times(x + shifted(tail, 1), _EXP_EIGHTH))
    for bit, factor in zip(range(-2, n), _EXP_OF_BIT, strict=False):
        value = np.where((rest - a) & (1 << (behind + bit)), _times(value, factor), value)
    if n > 5:  # below -32
        value = np.where(a < -(1 << (20 - n)), 0, value)
    return np.where(a == 0, ONE, value)


def _newton(e: Array) -> Array:
    """`1 / (1 + e)`, with two bits in front of the point."""
    half = (e + ONE + 1) >> 1
    r = _48_17 + _times(half, _32_17)
    for _ in range(3):
        r = r + saturated(_times(r, 2**13 - _times(half, r)) * 4)
    return r
