"""Functions of one element at a time: activations and what calculators have."""

from collections.abc import Callable
from math import inf, isnan

import numpy as np

from edgefn.graph.importers.onnx.arithmetic import as_dtype, combine, number
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.ir import Bounds, DType
from edgefn.graph.ops import Clamp, Unary

__all__ = [
    "UNARIES",
    "abs_",
    "biased_gelu",
    "celu",
    "clip",
    "elu",
    "gelu",
    "hard_swish",
    "neg",
    "relu",
    "selu",
    "sign",
    "unary",
]

type Handler = Callable[[Call], str]

# By ONNX's name: the function, and for alpha and beta the names and defaults of the attributes.
UNARIES: dict[str, tuple[str, tuple[tuple[str, float], ...]]] = {
    **{name: (name.lower(), ()) for name in ("Ceil", "Cos", "Erf", "Exp", "Floor", "Log", "Mish", "Reciprocal")},
    **{name: (name.lower(), ()) for name in ("Round", "Sigmoid", "Sin", "Softplus", "Softsign", "Sqrt", "Tan", "Tanh")},
    **{name: (name.lower(), ()) for name in ("Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Cosh", "Sinh")},
    "HardSigmoid": ("hard_sigmoid", (("alpha", 0.2), ("beta", 0.5))),
    "LeakyRelu": ("leaky_relu", (("alpha", 0.01),)),
    "Shrink": ("shrink", (("lambd", 0.5), ("bias", 0.0))),
    "Swish": ("silu", (("alpha", 1.0),)),
    "ThresholdedRelu": ("thresholded_relu", (("alpha", 1.0),)),
    "com.microsoft.QuickGelu": ("silu", (("alpha", 1.702),)),
}


def unary(name: str) -> Handler:
    """The handler of an op in UNARIES."""
    function, attributes = UNARIES[name]
    return lambda call: _apply(call, function, *(call.attribute(*a) for a in attributes))


def _apply(call: Call, function: str, *parameters: float) -> str:
    x = call.real(0)
    if not np.isfinite(np.array(parameters, np.float32)).all():
        call.malformed(f"parameters {parameters}")
    return call.emit(Unary(function, *parameters), (x.name,), x.shape)


def hard_swish(call: Call) -> str:
    return _apply(call, "hard_swish", 1 / 6, 0.5)


def elu(call: Call) -> str:
    return _apply(call, "elu", call.attribute("alpha", 1.0), 1.0)


def selu(call: Call) -> str:
    alpha, gamma = call.attribute("alpha", 1.6732632423543772), call.attribute("gamma", 1.0507009873554805)
    return _apply(call, "elu", alpha * gamma, gamma)


def celu(call: Call) -> str:
    """The Elu of x / alpha, times alpha."""
    x, alpha = call.real(0), call.attribute("alpha", 1.0)
    if alpha == 0:
        call.malformed("alpha is 0")
    scaled = x.name if alpha == 1 else combine(call, "div", x.name, number(call, alpha))
    return call.emit(Unary("elu", alpha, alpha), (scaled,), x.shape)


def gelu(call: Call) -> str:
    approximate = call.attribute("approximate", "none")
    if approximate not in {"none", "tanh"}:
        call.malformed(f"approximate is {approximate!r}")
    return _apply(call, "gelu" if approximate == "none" else "gelu_tanh")


def biased_gelu(function: str) -> Handler:
    """com.microsoft: a Gelu of the sum of the input and perhaps a bias."""

    def handle(call: Call) -> str:
        x = call.real(0)
        name = combine(call, "add", x.name, call.real(1).name) if call.has(1) else x.name
        return call.emit(Unary(function), (name,), call.scope.tensor(name).shape)

    return handle


def relu(call: Call) -> str:
    x = call.value(0)
    if x.dtype == "f32":
        return call.emit(Clamp(Bounds(low=0.0)), (x.name,), x.shape)
    return _whole(call, lambda i: combine(call, "max", i, number(call, 0, "i32")))


def _whole(call: Call, compute: Callable[[str], str]) -> str:
    """Integers, computed in i32."""
    x = call.value(0)
    return as_dtype(call, compute(as_dtype(call, x.name, "i32")), x.dtype)


def neg(call: Call) -> str:
    if call.value(0).dtype == "f32":
        return _apply(call, "neg")
    return _whole(call, lambda x: combine(call, "sub", number(call, 0, "i32"), x))


def abs_(call: Call) -> str:
    if call.value(0).dtype == "f32":
        return _apply(call, "abs")
    return _whole(call, lambda x: combine(call, "max", x, combine(call, "sub", number(call, 0, "i32"), x)))


def sign(call: Call) -> str:
    if call.value(0).dtype == "f32":
        return _apply(call, "sign")
    least, most = number(call, -1, "i32"), number(call, 1, "i32")
    return _whole(call, lambda x: combine(call, "min", combine(call, "max", x, least), most))


def clip(call: Call) -> str:
    """Bounds as attributes (before opset 11) or inputs."""
    x = call.value(0)
    if call.opset >= 11 and (x.dtype != "f32" or not _known_bounds(call)):
        return _clip_by_inputs(call)
    if call.opset < 11:
        low, high = call.attribute("min", -inf), call.attribute("max", inf)
    else:
        low, high = (_scalar(call, i) if call.has(i) else unbounded for i, unbounded in ((1, -inf), (2, inf)))
    low, high = (float(np.float32(v)) for v in (low, high))
    if isnan(low) or isnan(high):
        call.malformed(f"bounds {low} and {high}")
    # Where the bounds cross, ONNX gives the upper one everywhere.
    return call.emit(Clamp(Bounds(min(low, high), high)), (call.real(0).name,), x.shape)


def _known_bounds(call: Call) -> bool:
    return all(call.input(i).constant is not None for i in (1, 2) if call.has(i))


def _clip_by_inputs(call: Call) -> str:
    """Bounds that are computed, or integers."""
    x = call.value(0)
    kept: DType = "f32" if x.dtype == "f32" else "i32"
    y = as_dtype(call, x.name, kept)
    for index, function in ((1, "max"), (2, "min")):
        if call.has(index):
            bound = call.value(index)
            if bound.size != 1 or bound.dtype != x.dtype:
                call.malformed(f"a bound of {bound.dtype} {bound.shape}")
            y = combine(call, function, y, as_dtype(call, call.reshape(bound.name, ()), kept))
    return as_dtype(call, y, x.dtype)


def _scalar(call: Call, index: int) -> float:
    return float(call.single(index))
