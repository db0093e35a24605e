"""Operators that give each byte another: LOGISTIC, TANH and QUANTIZE of integers, as tables of 256.

The tables hold what LiteRT's reference kernels compute, in their fixed point.
"""

from collections.abc import Callable
from math import floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.ir import NUMPY, Node, Tensor
from edgefn.graph.ops import Lookup, Unary, fixed

__all__ = ["RANGES", "logistic", "requantized", "rescaled", "tanh"]

type Array = NDArray[Any]

INTEGER_BITS = 4  # of arguments
RANGES = {"i8": (-128, 127), "u8": (0, 255)}
LOGISTIC, TANH = (1 / 256, -128), (1 / 128, 0)  # what the kernels give, whatever the file says


def logistic(call: Call) -> str:
    x = call.numbers(0)
    if x.dtype == "f32":
        return call.emit(Unary("sigmoid"), (x.name,), x.shape)
    return _looked_up(
        call, x, _function(call, x, LOGISTIC, lambda v: fixed.shifted(fixed.sigmoid(v, INTEGER_BITS), 23))
    )


def tanh(call: Call) -> str:
    x = call.numbers(0)
    if x.dtype == "f32":
        return call.emit(Unary("tanh"), (x.name,), x.shape)
    return _looked_up(call, x, _function(call, x, TANH, lambda v: fixed.shifted(fixed.tanh(v, INTEGER_BITS), 24)))


def requantized(call: Call, x: Tensor) -> str:
    """Integers of one scale as integers of another."""
    (x_scale, x_zero), (y_scale, y_zero) = _scalar(call, x), _scalar(call, call.output)
    by = _multiplier(call, x_scale / y_scale)
    return _looked_up(call, x, fixed.scaled(_values(x) - x_zero, *by) + y_zero)


def rescaled(call: Call, x: Tensor) -> str:
    """The same in floats, as a concatenation of u8 of several scales does it; `x` is 128 lower."""
    (x_scale, x_zero), (y_scale, y_zero) = (
        (np.float32(scale), zero + 128) for scale, zero in (_scalar(call, x), _scalar(call, call.output))
    )
    by = x_scale * (np.float32(1) / y_scale)
    v = (_values(x) + 128).astype(np.float32) * by + np.float32(-x_zero) * by
    return _looked_up(call, x, (np.sign(v) * np.floor(np.abs(v) + np.float32(0.5))).astype(np.int64) + y_zero - 128)


def _function(call: Call, x: Tensor, gives: tuple[float, int], compute: Callable[[Array], Array]) -> Array:
    """A function of every byte; beyond what four bits hold in front of the point, its limits."""
    scale, zero = _scalar(call, x)
    if _scalar(call, call.output) != gives:
        call.refuse(f"an output of scale and zero point {_scalar(call, call.output)}; {gives} is supported")
    multiplier, shift = _multiplier(call, scale * 2.0 ** (31 - INTEGER_BITS))
    reach = floor((2**INTEGER_BITS - 1) * 2.0 ** (31 - INTEGER_BITS) / 2.0**shift)
    v = _values(x) - zero
    inside = compute(fixed.scaled(np.clip(v, -reach, reach), multiplier, shift)) + gives[1]
    return np.where(v <= -reach, -128, np.where(v >= reach, 127, inside))


def _looked_up(call: Call, x: Tensor, wanted: Array) -> str:
    """`wanted` has one value for each of x, from the least; it is clamped to what the output holds."""
    dtype = call.output.dtype
    least = RANGES[x.dtype][0]
    values = np.clip(np.roll(wanted, least), *RANGES[dtype]).astype(NUMPY[dtype])
    table = call.scope.constant(f"{call.label}.table", values)
    return call.emit(Lookup(), (x.name, table), x.shape)


def _values(x: Tensor) -> Array:
    low, high = RANGES[x.dtype]
    return np.arange(low, high + 1, dtype=np.int64)


def _scalar(call: Call, t: Tensor) -> tuple[float, int]:
    if t.dtype not in RANGES or t.quantization is None or not t.quantization.per_tensor:
        call.refuse(f"{t.dtype} tensor {t.name!r}; i8 and u8 with one scale are supported")
    return t.quantization.scalar


def _multiplier(call: Call, real: float) -> tuple[int, int]:
    return fixed.multiplier_of(Node(call.label, Lookup(), (), ""), real)
