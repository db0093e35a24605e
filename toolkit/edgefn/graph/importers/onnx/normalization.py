"""Normalizations, composed of reductions and arithmetic."""

import numpy as np

from edgefn.graph.importers.onnx.arithmetic import combine, number
from edgefn.graph.importers.onnx.reduction import reduced
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.ops import Unary

__all__ = [
    "group_normalization",
    "instance_normalization",
    "lp_normalization",
    "mean_variance_normalization",
    "moments",
]


def moments(call: Call, x: str, axes: tuple[int, ...], epsilon: float) -> tuple[str, str, str]:
    """The mean of `x` along `axes`, `x` without it, and 1 by the deviation: `1 / sqrt(variance + epsilon)`."""
    mean = reduced(call, "mean", x, axes)
    centred = combine(call, "sub", x, mean)
    variance = reduced(call, "mean", combine(call, "mul", centred, centred), axes)
    shifted = combine(call, "add", variance, number(call, epsilon))
    return mean, centred, call.emit(Unary("rsqrt"), (shifted,), call.scope.tensor(mean).shape)


def _standardized(call: Call, x: str, axes: tuple[int, ...], epsilon: float) -> str:
    """`x` without its mean, by its deviation along `axes`."""
    _, centred, by = moments(call, x, axes, epsilon)
    return combine(call, "mul", centred, by)


def _scaled(call: Call, x: str, first: int, shape: tuple[int, ...]) -> str:
    """`x` times a scale, plus a shift: inputs `first` and the one after it, read as `shape`."""
    scale, shift = (call.reshape(call.real(i).name, shape) for i in (first, first + 1))
    return combine(call, "add", combine(call, "mul", x, scale), shift)


def instance_normalization(call: Call) -> str:
    """Each channel of each image by itself."""
    x = call.real(0)
    if len(x.shape) < 3:
        call.malformed(f"an input of shape {x.shape}")
    y = _standardized(call, x.name, tuple(range(2, len(x.shape))), call.attribute("epsilon", 1e-5))
    return _scaled(call, y, 1, (x.shape[1], *[1] * (len(x.shape) - 2)))


def group_normalization(call: Call) -> str:
    """Groups of channels; before opset 21 a scale belongs to a group, since then to a channel."""
    x, groups = call.real(0), call.attribute("num_groups", 0)
    if len(x.shape) < 2 or groups < 1 or x.shape[1] % groups:
        call.malformed(f"{groups} groups of an input of shape {x.shape}")
    rest = [1] * (len(x.shape) - 2)
    grouped = call.reshape(x.name, (x.shape[0], groups, x.size // (x.shape[0] * groups)))
    y = _standardized(call, grouped, (2,), call.attribute("epsilon", 1e-5))
    if call.opset < 21:
        return call.reshape(_scaled(call, y, 1, (groups, 1)), x.shape)
    return _scaled(call, call.reshape(y, x.shape), 1, (x.shape[1], *rest))


def mean_variance_normalization(call: Call) -> str:
    x = call.real(0)
    axes = tuple(sorted(call.axis(a, len(x.shape)) for a in call.attribute("axes", (0, 2, 3))))
    return _standardized(call, x.name, axes, 1e-9)


def lp_normalization(call: Call) -> str:
    """By the norm along an axis; what has the norm 0 stays 0."""
    x, p = call.real(0), call.attribute("p", 2)
    if p not in {1, 2}:
        call.malformed(f"p = {p}")
    axis = call.axis(call.attribute("axis", -1), len(x.shape))
    norm = reduced(call, f"l{p}", x.name, (axis,))
    least = number(call, float(np.finfo(np.float32).smallest_normal))
    return combine(call, "div", x.name, combine(call, "max", norm, least))
