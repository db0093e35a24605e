"""Dynamic quantization: DynamicQuantizeLinear, MatMulInteger, and what ONNX Runtime's quantizer fuses of them."""

import numpy as np

from edgefn.graph.importers.onnx.arithmetic import as_dtype, combine
from edgefn.graph.importers.onnx.convolution import conv
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.importers.spans import Span, sliced
from edgefn.graph.ir import Tensor
from edgefn.graph.ops import Cast, DenseDynamic, DenseInteger, DynamicQuantize, DynamicRange, FlipSign

__all__ = [
    "conv_integer",
    "dynamic_quantize_linear",
    "dynamic_quantize_matmul",
    "matmul_integer",
    "matmul_integer_to_float",
]

STEPS = 255  # how far an integer can lie from its zero point
MOST_EXACT = 1 << 24  # integers up to here are all in f32


def dynamic_quantize_linear(call: Call) -> tuple[str, str, str]:
    """The integers as u8, their scale and their zero point."""
    x = call.real(0)
    integers, steps = _quantized(call, x)
    y = call.emit(FlipSign(), (integers,), x.shape, dtype="u8")
    scale, zero = (sliced(call, call.scope.tensor(steps), [Span(i, 1, 1)]) for i in (0, 1))
    point = call.emit(Cast(), (zero,), (1,), dtype="u8")
    return y, call.reshape(scale, ()), call.reshape(point, ())


def _quantized(call: Call, x: Tensor) -> tuple[str, str]:
    """The integers of `x` as i8, and its range."""
    steps = call.emit(DynamicRange(), (x.name,), (2,))
    return call.emit(DynamicQuantize(), (x.name, steps), x.shape, dtype="i8"), steps


def matmul_integer(call: Call) -> str:
    """i8 or u8 `[..., K]` by constant `[K, N]`; one zero point of the left side, one or one a column of the right."""
    return _product(call, 0, 1, 2, 3)


def _product(call: Call, a: int, b: int, a_zero: int, b_zero: int) -> str:
    """The i32 product of inputs a and b."""
    x, (w, zeros) = call.value(a), _weights(call, b, b_zero)
    if x.dtype not in {"i8", "u8"}:
        call.malformed(f"{x.dtype} input {x.name!r}")
    columns, k = call.scope.tensor(w).shape
    if not x.shape or x.shape[-1] != k:
        call.malformed(f"{x.shape} does not fit weights of {k} rows")
    inputs = (_signed(call, x), _zero_point(call, x, a_zero), w, zeros)
    return call.emit(DenseInteger(), inputs, (*x.shape[:-1], columns), dtype="i32")


def _weights(call: Call, index: int, zero: int) -> tuple[str, str]:
    """Weights as `[N, K]` and a zero point for each of their columns."""
    value = call.constant(index)
    if value.ndim != 2 or value.dtype not in {np.dtype(np.int8), np.dtype(np.uint8)}:
        call.refuse(f"weights of {value.dtype} {value.shape}; matrices of i8 or u8 are supported")
    point = call.constant(zero) if call.has(zero) else np.zeros(1, value.dtype)
    if point.dtype != value.dtype or point.size not in {1, value.shape[1]}:
        call.malformed(f"zero points of {point.dtype} {point.shape} for weights of {value.dtype} {value.shape}")
    name = call.node.inputs[index]
    zeros = np.broadcast_to(point.reshape(-1).astype(np.int32), value.shape[1:])
    return call.scope.constant(name, value.T), call.scope.constant(f"{name}.zeros", zeros)


def _signed(call: Call, x: Tensor) -> str:
    """`x` as i8, 128 lower where it is u8."""
    if x.dtype == "i8":
        return x.name
    if x.constant is not None:
        return call.scope.constant(x.name, (x.constant ^ np.uint8(128)).view(np.int8))
    return call.emit(FlipSign(), (x.name,), x.shape, dtype="i8")


def _zero_point(call: Call, x: Tensor, index: int) -> str:
    """The zero point of `x` after `_signed`, as one i8."""
    if not call.has(index):
        return call.scope.constant(f"{x.name}.zero", np.full(1, -128 if x.dtype == "u8" else 0, np.int8))
    zero = call.value(index)
    if zero.dtype != x.dtype or zero.size != 1:
        call.refuse(f"zero points of {zero.dtype} {zero.shape} for {x.dtype} {x.shape}; one is supported")
    return call.reshape(_signed(call, zero), (1,))


def matmul_integer_to_float(call: Call) -> str:
    """MatMulInteger, multiplied by both scales; and an optional bias."""
    return scaled_product(call, scales=(2, 3), zeros=(4, 5), bias=6)


def scaled_product(call: Call, *, scales: tuple[int, int], zeros: tuple[int, int], bias: int) -> str:
    """The product of the first two inputs in floats; `scales`, `zeros` and `bias` are the places of the others."""
    total = _product(call, 0, 1, *zeros)
    shape = call.scope.tensor(total).shape
    left, right = (call.real(i) for i in scales)
    if left.shape not in {(), (1,)} or right.shape not in {(), (1,), shape[-1:]}:
        call.refuse(f"scales of shape {left.shape} and {right.shape}; one, or one a column on the right, are supported")
    scale = combine(call, "mul", left.name, right.name)
    y = combine(call, "mul", as_dtype(call, total, "f32"), scale)
    return combine(call, "add", y, call.bias(bias, shape[-1])[0]) if call.has(bias) else y


def conv_integer(call: Call) -> str:
    """Conv of what lies between integers and their zero points, in floats, which hold every sum exactly."""
    x, w = call.value(0), call.constant(1)
    if x.dtype not in {"i8", "u8"} or w.dtype not in {np.dtype(np.int8), np.dtype(np.uint8)} or w.ndim < 3:
        call.malformed(f"{x.dtype} input {x.name!r} with weights of {w.dtype} {w.shape}")
    point = call.constant(3) if call.has(3) else np.zeros(1, np.int8)
    if point.size not in {1, len(w)}:
        call.malformed(f"{point.size} zero points for {len(w)} outputs")
    centred = w.astype(np.int64) - point.astype(np.int64).reshape(-1, *[1] * (w.ndim - 1))
    most = STEPS * int(np.abs(centred).reshape(len(w), -1).sum(axis=1).max())
    if most > MOST_EXACT:
        call.refuse(f"sums of up to {most:,}; {MOST_EXACT:,} is supported")
    real = as_dtype(call, x.name, "f32")
    if call.has(2):
        zero = call.value(2)
        if zero.size != 1:
            call.refuse(f"zero points of shape {zero.shape}; one is supported")
        real = combine(call, "sub", real, as_dtype(call, call.reshape(zero.name, ()), "f32"))
    weights = call.scope.constant(call.node.inputs[1], centred.astype(np.float32))
    return as_dtype(call, conv(call.inner("Conv", real, weights, **call.node.attributes)), "i32")


def dynamic_quantize_matmul(call: Call) -> str:
    """`[..., K]` in floats, quantized dynamically, by constant `[K, N]` with its scales; and an optional bias."""
    x, (w, zeros) = call.real(0), _weights(call, 1, 3)
    columns, k = call.scope.tensor(w).shape
    if not x.shape or x.shape[-1] != k:
        call.malformed(f"{x.shape} does not fit weights of {k} rows")
    scale = call.constant(2).reshape(-1)
    if scale.size not in {1, columns}:
        call.malformed(f"{scale.size} scales for {columns} columns")
    scales = call.scope.constant(call.node.inputs[2], np.broadcast_to(scale.astype(np.float32), (columns,)))
    bias = call.bias(4, columns) or (call.scope.constant(f"{call.node.label}.bias", np.zeros(columns, np.float32)),)
    return call.emit(DenseDynamic(), (*_quantized(call, x), w, zeros, scales, *bias), (*x.shape[:-1], columns))
