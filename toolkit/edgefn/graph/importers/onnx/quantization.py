"""QuantizeLinear and DequantizeLinear. Activations become i8: a u8 one is an i8 one, 128 lower."""

from dataclasses import replace

import numpy as np

from edgefn.graph.importers.onnx.file import DTYPES
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.ir import DType, Quantization, Tensor
from edgefn.graph.ops import Dequantize, FlipSign, Quantize, Reshape

__all__ = ["dequantize_linear", "quantize_linear"]


def quantize_linear(call: Call) -> str:
    """f32 to i8 or u8, per tensor; of constants at once, which may be per channel."""
    x = call.real(0)
    dtype, q = _parameters(call, x, _output_dtype(call))
    if dtype not in {"i8", "u8"}:
        call.refuse(f"quantization to {dtype}; i8 and u8 are supported")
    if x.constant is not None:
        return call.scope.constant(call.node.outputs[0], q.integers(x.constant, dtype), q if q.per_tensor else None)
    if not q.per_tensor:
        call.refuse("activations quantized per channel")
    signed = q.signed if dtype == "u8" else q
    y = call.emit(Quantize(), (x.name,), x.shape, dtype="i8", quantization=signed)
    if dtype == "i8":
        return y
    return call.emit(FlipSign(), (y,), x.shape, dtype="u8", quantization=q)


def _output_dtype(call: Call) -> DType:
    """Return what a missing zero point leaves open: an attribute since opset 21, where 0 means unsigned."""
    code = call.attribute("output_dtype", 0)
    if code not in {0, *DTYPES}:
        call.refuse(f"quantization to data type {code}")
    return DTYPES[code] if code else "u8"


def dequantize_linear(call: Call) -> str:
    """i8, u8 or i32 to f32; per channel for constants."""
    x = call.input(0)
    if x.dtype not in {"i8", "u8", "i32"}:
        call.refuse(f"{x.dtype} input {x.name!r}; i8, u8 and, for biases, i32 are supported")
    dtype, q = _parameters(call, x, x.dtype)
    if dtype != x.dtype:
        call.malformed(f"input is {x.dtype}, zero point is {dtype}")
    if x.constant is not None:
        holder = call.scope.constant(x.name, x.constant, q)
        return call.emit(Dequantize(), (holder,), x.shape)
    if x.dtype == "i32" or not q.per_tensor:
        call.refuse(f"{x.dtype} activation, {'per tensor' if q.per_tensor else 'per channel'}")
    return call.emit(Dequantize(), (_activation(call, x, q),), x.shape)


def _activation(call: Call, x: Tensor, q: Quantization) -> str:
    """`x` as an i8 tensor that means `q`."""
    name = x.name
    if x.quantization is None and name not in call.scope.made:  # an input of the model, whose integers nobody named yet
        call.scope.graph.tensors[name] = replace(x, quantization=q)
    elif x.meaning != q.key:
        name = call.emit(Reshape(), (name,), x.shape, dtype=x.dtype, quantization=q)
    if x.dtype == "i8":
        return name
    return call.emit(FlipSign(), (name,), x.shape, dtype="i8", quantization=q.signed)


def _parameters(call: Call, x: Tensor, default: DType) -> tuple[DType, Quantization]:
    """Integer type and parameters from the scale and zero-point inputs; an axis only where there are several scales."""
    if call.attribute("block_size", 0):
        call.refuse("blocked quantization")
    scale = call.constant(1)
    zero = call.input(2) if call.has(2) else None
    point = call.constant(2) if zero else np.zeros(scale.shape, np.int32)
    dtype = zero.dtype if zero else default
    if dtype not in {"i8", "u8", "i32"} or scale.dtype != np.float32:
        call.refuse(f"quantization to {dtype} with scales of {scale.dtype}; i8, u8 and i32 with float32 are supported")
    if scale.size < 1 or scale.ndim > 1 or point.size != scale.size:
        call.refuse(f"scales of shape {scale.shape}, zero points of shape {point.shape}")
    if not bool(np.all(np.isfinite(scale) & (scale > 0))):
        call.malformed("a scale is not a positive number")
    axis = _axis(call, x, scale.size)
    return dtype, Quantization(scale.reshape(-1), point.reshape(-1).astype(np.int32), axis)


def _axis(call: Call, x: Tensor, channels: int) -> int | None:
    if channels == 1:
        return None
    axis = call.axis(call.attribute("axis", 1), len(x.shape))
    if x.shape[axis] != channels:
        call.malformed(f"{channels} scales for axis {axis} of shape {x.shape}")
    return axis
