"""Normalization of rows: LayerNormalization, RMSNormalization, and the forms of com.microsoft that add first."""

from math import prod

import numpy as np

from edgefn.graph.importers.onnx.normalization import moments
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.ir import Shape, Tensor
from edgefn.graph.ops import Add, Binary, LayerNorm

__all__ = [
    "layer_normalization",
    "normalized",
    "rms_normalization",
    "row_vector",
    "skip_layer_normalization",
    "skip_simplified_layer_normalization",
    "summed",
]


def layer_normalization(call: Call) -> tuple[str, ...]:
    """Over all dimensions from `axis` on; scale and bias broadcast to them. Mean and deviation where wanted."""
    x, axis = _input(call)
    y = normalized(call, x, row_vector(call, 1, x.shape[axis:], 1), row_vector(call, 2, x.shape[axis:], 0))
    return (y, *_moments(call, x, axis)) if any(call.node.outputs[1:]) else (y,)


def _moments(call: Call, x: Tensor, axis: int) -> tuple[str, str]:
    """The mean of every row, and 1 by its deviation."""
    mean, _, by = moments(call, x.name, tuple(range(axis, len(x.shape))), call.attribute("epsilon", 1e-5))
    return mean, by


def rms_normalization(call: Call) -> str:
    """The same by the root mean square alone, without a bias."""
    x, axis = _input(call)
    scale, bias = row_vector(call, 1, x.shape[axis:], 1), row_vector(call, 2, x.shape[axis:], 0)
    return normalized(call, x, scale, bias, centred=False)


def _input(call: Call) -> tuple[Tensor, int]:
    x = call.real(0)
    if call.attribute("stash_type", 1) != 1:
        call.refuse(f"stash_type {call.attribute('stash_type', 1)}; float32 (1) is supported")
    return x, call.axis(call.attribute("axis", -1), len(x.shape))


def normalized(call: Call, x: Tensor, gamma: str, beta: str, *, centred: bool = True) -> str:
    """Rows of as many elements as `gamma` has, with the node's epsilon."""
    op = LayerNorm(call.attribute("epsilon", 1e-5), centred)
    if not 0 <= op.epsilon < np.inf:
        call.malformed(f"epsilon {op.epsilon}")
    return call.emit(op, (x.name, gamma, beta), x.shape)


def row_vector(call: Call, index: int, shape: Shape, missing: float) -> str:
    """An input that broadcasts to `shape`, as a vector of all its elements; `missing` where there is none."""
    size = prod(shape)
    if not call.has(index):
        return call.scope.constant(f"{call.node.label}.{missing}", np.full(size, missing, np.float32))
    t = call.real(index)
    if t.size == size:
        return call.reshape(t.name, (size,))
    if t.constant is None:
        call.refuse(f"{t.name!r} of shape {t.shape}, computed at run time, to {shape}")
    try:
        return call.scope.constant(t.name, np.broadcast_to(t.constant, shape).reshape(size))
    except ValueError:
        call.malformed(f"{t.name!r} of shape {t.shape} does not broadcast to {shape}")


def skip_layer_normalization(call: Call) -> tuple[str, ...]:
    """com.microsoft: of the sum of input, skip and bias, which is the fourth output."""
    return _skipped(call, beta=3, bias=4, centred=True)


def skip_simplified_layer_normalization(call: Call) -> tuple[str, ...]:
    return _skipped(call, beta=None, bias=3, centred=False)


def _skipped(call: Call, *, beta: int | None, bias: int, centred: bool) -> tuple[str, ...]:
    if any(call.node.outputs[1:3]):
        call.refuse("the mean or the variance as an output")
    total = summed(call, call.real(0).name, call.real(1).name)
    if call.has(bias):
        total = summed(call, total, call.real(bias).name)
    x = call.scope.tensor(total)
    row = x.shape[-1:]
    offset = row_vector(call, len(call.node.inputs) if beta is None else beta, row, 0)
    y = normalized(call, x, row_vector(call, 2, row, 1), offset, centred=centred)
    return y, "", "", total


def summed(call: Call, a: str, b: str) -> str:
    """`a + b`, of which `b` broadcasts to `a`."""
    shape, other = call.scope.tensor(a).shape, call.scope.tensor(b).shape
    try:
        fits = np.broadcast_shapes(shape, other) == shape
    except ValueError:
        fits = False
    if not fits:
        call.malformed(f"{other} does not broadcast to {shape}")
    op = Add() if other in {shape, shape[-1:]} else Binary("add")
    return call.emit(op, (a, b), shape)
