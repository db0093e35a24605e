"""RELU and its like, SOFTMAX, QUANTIZE and DEQUANTIZE."""

from collections.abc import Callable
from math import inf

import numpy as np

from edgefn.graph.importers.tflite.arithmetic import combine, number
from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.importers.tflite.tables import RANGES, rectified, requantized
from edgefn.graph.ir import Bounds
from edgefn.graph.ops import Dequantize, Quantize, Softmax

__all__ = ["densify", "dequantize", "quantize", "rectifier", "softmax"]


def rectifier(bounds: Bounds) -> Callable[[Call], str]:
    """RELU, RELU6, RELU_N1_TO_1 and RELU_0_TO_1; i8 may change its quantization."""

    def handler(call: Call) -> str:
        x = call.numbers(0)
        if x.dtype == "i8" and x.meaning != call.output.meaning:
            return rectified(call, x, bounds)
        return call.clamped(x.name, bounds)

    return handler


def softmax(call: Call) -> str:
    """Over the last dimension, of `beta * x`."""
    x, beta = call.numbers(0), float(call.option("beta"))
    if not x.shape or not 0 < beta < inf:
        call.refuse(f"beta {beta} of {x.shape}")
    if x.dtype == "i8":
        return call.emit(Softmax(beta), (x.name,), x.shape)
    scaled = x.name if beta == 1 else combine(call, "mul", x.name, number(call, beta))
    return call.emit(Softmax(), (scaled,), x.shape)


def quantize(call: Call) -> str:
    """f32 to i8, or integers of one scale to integers of another."""
    x, y = call.input(0), call.output
    if x.dtype in RANGES and y.dtype in RANGES:
        return requantized(call, x)
    if x.dtype != "f32" or y.dtype != "i8" or y.quantization is None or not y.quantization.per_tensor:
        call.refuse(f"{x.dtype} to {y.dtype}; f32 to i8 with one scale is supported")
    return call.emit(Quantize(), (x.name,), x.shape)


def densify(call: Call) -> str:
    """A sparse constant, which was read as the dense one that it stands for."""
    call.constant(0)
    return call.input(0).name


def dequantize(call: Call) -> str:
    """i8 to f32; constants of f16 or integers become f32 at once."""
    x = call.input(0)
    if call.output.dtype != "f32":
        call.refuse(f"to {call.output.dtype}")
    if x.constant is not None and x.dtype == "f16":
        return call.scope.constant(x.name, x.constant.astype(np.float32))
    if x.constant is not None and x.quantization is not None:
        return call.scope.constant(x.name, x.quantization.real(x.constant))
    if x.dtype != "i8" or x.quantization is None or not x.quantization.per_tensor:
        call.refuse(f"{x.dtype} input {x.name!r}; i8 with one scale is supported, and constants")
    return call.emit(Dequantize(), (x.name,), x.shape)
