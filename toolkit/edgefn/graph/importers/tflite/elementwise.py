"""ADD, activations, SOFTMAX, QUANTIZE and DEQUANTIZE."""

from math import prod

import numpy as np

from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.importers.tflite.tables import RANGES, requantized
from edgefn.graph.ir import Bounds
from edgefn.graph.ops import Add, Dequantize, Quantize, Softmax

__all__ = ["add", "densify", "dequantize", "quantize", "relu", "relu6", "softmax"]


def add(call: Call) -> str:
    """Two activations of one shape; or one and a constant, a vector along the last dimension, or a single element."""
    a, b = call.numbers(0), call.numbers(1)
    if (a.constant is not None, -a.size) > (b.constant is not None, -b.size):
        a, b = b, a
    try:
        shape = np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        call.malformed(f"{a.shape} and {b.shape} do not broadcast")
    if shape != a.shape or a.dtype != b.dtype or a.dtype != call.output.dtype:
        call.refuse(f"{a.dtype} {a.shape} and {b.dtype} {b.shape}; the sum must be like one of them")
    if b.constant is None and b.shape != a.shape:
        if prod(b.shape) != 1 and prod(b.shape) != prod(b.shape[-1:]):
            call.refuse(f"{a.shape} and {b.shape}: an activation broadcasts along the last dimension only")
        return call.activated(call.emit(Add(), (a.name, call.reshape(b.name, (b.size,))), shape))
    return call.activated(call.emit(Add(), (a.name, b.name), shape))


def relu(call: Call) -> str:
    return _clamp(call, Bounds(low=0.0))


def relu6(call: Call) -> str:
    return _clamp(call, Bounds(0.0, 6.0))


def _clamp(call: Call, bounds: Bounds) -> str:
    x = call.numbers(0)
    call.same_quantization(x)
    return call.clamped(x.name, bounds)


def softmax(call: Call) -> str:
    """Over the last dimension."""
    x = call.numbers(0)
    if call.option("beta") != 1.0 or not x.shape or x.dtype != call.output.dtype:
        call.refuse(f"beta {call.option('beta')} of {x.dtype} {x.shape} to {call.output.dtype}")
    return call.emit(Softmax(), (x.name,), x.shape)


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
