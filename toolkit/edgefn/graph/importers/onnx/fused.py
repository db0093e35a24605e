"""Layers that ONNX Runtime's optimizer joined with the activation behind them: com.microsoft.FusedConv, FusedGemm."""

import numpy as np

from edgefn.graph.importers.onnx.arithmetic import combine
from edgefn.graph.importers.onnx.convolution import conv
from edgefn.graph.importers.onnx.product import gemm
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.ir import Bounds
from edgefn.graph.ops import Add, Clamp, Unary

__all__ = ["fused_conv", "fused_gemm"]

FUNCTIONS = {"HardSigmoid": "hard_sigmoid", "LeakyRelu": "leaky_relu", "Sigmoid": "sigmoid", "Tanh": "tanh"}


def fused_conv(call: Call) -> str:
    """Conv; what is added to it, of its shape, is the fourth input."""
    inputs = [call.input(i).name if call.has(i) else "" for i in range(min(3, len(call.node.inputs)))]
    y = conv(call.inner("Conv", *inputs, **_own(call)))
    if call.has(3):
        shape, z = call.scope.tensor(y).shape, call.real(3)
        y = call.emit(Add(), (y, z.name), shape) if z.shape == shape else combine(call, "add", y, z.name)
    return _activated(call, y, call.numbers("activation_params", np.zeros(0)).tolist())


def fused_gemm(call: Call) -> str:
    """Gemm."""
    inputs = [call.input(i).name if call.has(i) else "" for i in range(len(call.node.inputs))]
    y = gemm(call.inner("Gemm", *inputs, **_own(call)))
    return _activated(call, y, [call.attribute(f"activation_{name}", 0.0) for name in ("alpha", "beta")])


def _own(call: Call) -> dict[str, object]:
    """The attributes that are not the activation's."""
    return {name: value for name, value in call.node.attributes.items() if not name.startswith("activation")}


def _activated(call: Call, y: str, parameters: list[float]) -> str:
    name, shape = call.attribute("activation", ""), call.scope.tensor(y).shape
    alpha, beta = (float(np.float32(v)) for v in (*parameters, 0.0, 0.0)[:2])
    match name:
        case "":
            return y
        case "Relu":
            return call.emit(Clamp(Bounds(low=0.0)), (y,), shape)
        case "Clip" if alpha <= beta:
            return call.emit(Clamp(Bounds(alpha, beta)), (y,), shape)
        case _ if name in FUNCTIONS and np.isfinite((alpha, beta)).all():
            return call.emit(Unary(FUNCTIONS[name], alpha, beta), (y,), shape)
    return call.refuse(f"the activation {name!r} with {parameters}; Relu, Clip, {', '.join(FUNCTIONS)} are supported")
