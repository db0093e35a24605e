"""Normalizations, composed of reductions and arithmetic."""

from math import prod

import numpy as np

from edgefn.graph.importers.onnx.arithmetic import as_dtype, combine, number
from edgefn.graph.importers.onnx.reduction import reduced
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.ops import Arg, Unary

__all__ = [
    "group_normalization",
    "hardmax",
    "instance_normalization",
    "log_softmax",
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


def log_softmax(call: Call) -> str:
    """Along one axis; before opset 13, over everything from `axis` on."""
    x = call.real(0)
    rank = len(x.shape)
    axis = call.axis(call.attribute("axis", 1 if call.opset < 13 else -1), rank)
    flat, along = _rows(call, x.name, axis)
    y = combine(call, "sub", flat, reduced(call, "log_sum_exp", flat, (along,)))
    return call.reshape(y, x.shape)


def _rows(call: Call, x: str, axis: int) -> tuple[str, int]:
    """What softmax and its kin work on: since opset 13 an axis, before that all from `axis` on."""
    shape = call.scope.tensor(x).shape
    if call.opset >= 13:
        return x, axis
    return call.reshape(x, (prod(shape[:axis]), prod(shape[axis:]))), 1


def hardmax(call: Call) -> str:
    """1 at the first largest along an axis, 0 elsewhere."""
    x = call.real(0)
    axis = call.axis(call.attribute("axis", 1 if call.opset < 13 else -1), len(x.shape))
    flat, along = _rows(call, x.name, axis)
    shape = call.scope.tensor(flat).shape
    found = call.emit(Arg(along), (flat,), [1 if i == along else d for i, d in enumerate(shape)], dtype="i32")
    places = np.arange(shape[along], dtype=np.int32).reshape([-1 if i == along else 1 for i in range(len(shape))])
    hit = combine(call, "equal", call.scope.constant(f"{call.node.label}.places", places), found)
    return call.reshape(as_dtype(call, hit, "f32"), x.shape)
