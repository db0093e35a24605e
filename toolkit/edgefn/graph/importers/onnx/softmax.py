"""Softmax, LogSoftmax and Hardmax."""

from math import prod

import numpy as np

from edgefn.graph.importers.onnx.arithmetic import as_dtype, combine
from edgefn.graph.importers.onnx.reduction import reduced
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.ops import Arg, Softmax

__all__ = ["hardmax", "log_softmax", "softmax"]


def softmax(call: Call) -> str:
    """Along one axis; before opset 13, over everything from `axis` on."""
    x = call.real(0)
    rank = len(x.shape)
    if call.opset < 13:
        axis = call.axis(call.attribute("axis", 1), rank)
        rows = prod(x.shape[:axis])
        flat = call.reshape(x.name, (rows, x.size // rows))
        return call.reshape(call.emit(Softmax(), (flat,), call.scope.tensor(flat).shape), x.shape)
    axis = call.axis(call.attribute("axis", -1), rank)
    if axis == rank - 1:
        return call.emit(Softmax(), (x.name,), x.shape)
    there = (*(i for i in range(rank) if i != axis), axis)
    moved = call.transpose(x.name, there)
    y = call.emit(Softmax(), (moved,), call.scope.tensor(moved).shape)
    return call.transpose(y, tuple(int(i) for i in np.argsort(there)))


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
