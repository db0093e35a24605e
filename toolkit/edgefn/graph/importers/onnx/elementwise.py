"""Softmax, and what does nothing at inference."""

from math import prod

import numpy as np

from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.ops import Softmax

__all__ = ["identity", "softmax"]


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


def identity(call: Call) -> str:
    if len(call.node.outputs) > 1 and call.node.outputs[1]:
        call.refuse("the second output (mask)")
    if call.has(2) and call.node.op == "Dropout" and bool(call.constant(2).any()):
        call.refuse("training mode")
    return call.input(0).name
