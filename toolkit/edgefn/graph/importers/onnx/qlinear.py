"""Ops on integers in the form QOperator: what they are between DequantizeLinear and QuantizeLinear, to be fused later.

Every integer is followed by its scale and its zero point.
"""

from collections.abc import Callable

import numpy as np

from edgefn.graph.importers.onnx import convolution, movement, product, softmax
from edgefn.graph.importers.onnx.quantization import dequantize_linear, quantize_linear
from edgefn.graph.importers.onnx.scope import Call

__all__ = [
    "binary",
    "qgemm",
    "qlinear_concat",
    "qlinear_conv",
    "qlinear_matmul",
    "qlinear_softmax",
    "unary",
]

type Handler = Callable[[Call], str]


def _real(call: Call, index: int, *, axis: int = 0) -> str:
    """Input `index` in floats; its scale and zero point follow it."""
    name = call.input(index).name
    inputs = [call.input(i).name for i in (index + 1, index + 2) if call.has(i)]
    return dequantize_linear(call.inner("DequantizeLinear", name, *inputs, axis=axis))


def _integers(call: Call, y: str, index: int) -> str:
    """`y` quantized by the scale and the zero point that are inputs from `index` on."""
    zero = call.input(index + 1).name if call.has(index + 1) else _zero(call)
    return quantize_linear(call.inner("QuantizeLinear", y, call.input(index).name, zero))


def _zero(call: Call) -> str:
    """A zero point of the type of the first integers."""
    dtype = np.int8 if call.input(0).dtype == "i8" else np.uint8
    return call.scope.constant(f"{call.node.label}.zero", np.zeros((), dtype))


def _bias(call: Call, index: int, x_scale: int, w_scale: int, alpha: float = 1.0) -> tuple[str, ...]:
    """An optional i32 bias in steps of both scales, in floats."""
    if not call.has(index):
        return ()
    scale = (call.constant(x_scale) * call.constant(w_scale) * np.float32(alpha)).astype(np.float32)
    name = call.scope.constant(f"{call.node.label}.scale", scale)
    return (dequantize_linear(call.inner("DequantizeLinear", call.input(index).name, name, axis=0)),)


def qlinear_conv(call: Call) -> str:
    """Conv; weights per tensor or per output channel."""
    inputs = (_real(call, 0), _real(call, 3), *_bias(call, 8, 1, 4))
    return _integers(call, convolution.conv(call.inner("Conv", *inputs, **call.node.attributes)), 6)


def qlinear_matmul(call: Call) -> str:
    """MatMul; the right side per tensor or, when it is constant, per column."""
    right = _real(call, 3, axis=max(len(call.input(3).shape) - 1, 0))
    return _integers(call, product.matmul(call.inner("MatMul", _real(call, 0), right)), 6)


def qgemm(call: Call) -> str:
    """com.microsoft: Gemm; in floats where no scale of the result is given."""
    alpha, transposed = call.attribute("alpha", 1.0), call.attribute("transB", 0)
    inputs = (_real(call, 0), _real(call, 3, axis=0 if transposed else 1), *_bias(call, 6, 1, 4, alpha))
    y = product.gemm(call.inner("Gemm", *inputs, **call.node.attributes))
    return _integers(call, y, 7) if call.has(7) else y


def qlinear_concat(call: Call) -> str:
    """com.microsoft: Concat; scale and zero point of the result come first."""
    parts = [_real(call, i) for i in range(2, len(call.node.inputs), 3)]
    y = movement.concat(call.inner("Concat", *parts, axis=call.attribute("axis", 1)))
    return _integers(call, y, 0)


def qlinear_softmax(call: Call) -> str:
    """com.microsoft: Softmax of the opset that an attribute names."""
    inner = call.inner("Softmax", _real(call, 0), axis=call.attribute("axis", -1))
    inner.opset = call.attribute("opset", 13)
    return _integers(call, softmax.softmax(inner), 3)


def binary(op: str, handler: Handler) -> Handler:
    """com.microsoft: a handler of `op` on two inputs of integers."""
    return lambda call: _integers(call, handler(call.inner(op, _real(call, 0), _real(call, 3))), 6)


def unary(op: str, handler: Handler) -> Handler:
    """com.microsoft: a handler of `op` on one input of integers."""

    def handle(call: Call) -> str:
        if call.attribute("channels_last", 0):
            call.refuse("channels_last")
        attributes = {k: v for k, v in call.node.attributes.items() if k != "channels_last"}
        return _integers(call, handler(call.inner(op, _real(call, 0), **attributes)), 3)

    return handle
