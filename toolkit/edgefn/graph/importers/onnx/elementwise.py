"""Add, Relu, Clip, Softmax, and what does nothing at inference."""

from math import inf, isnan, prod

import numpy as np

from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.ir import Bounds
from edgefn.graph.ops import Add, Clamp, Softmax

__all__ = ["add", "clip", "identity", "relu", "softmax"]


def add(call: Call) -> str:
    """Two activations of one shape, or an activation and a constant that broadcasts to it."""
    a, b = call.real(0), call.real(1)
    if (call.fixed(a), -len(a.shape), -a.size) > (call.fixed(b), -len(b.shape), -b.size):
        a, b = b, a
    try:
        shape = np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        call.malformed(f"{a.shape} and {b.shape} do not broadcast")
    if shape != a.shape:
        call.refuse(f"{a.shape} and {b.shape} broadcast to {shape}; the result must have the shape of one activation")
    if not call.fixed(b) and b.shape != a.shape:
        return _broadcast(call, a.name, b.name)
    return call.emit(Add(), (a.name, b.name), shape)


def _broadcast(call: Call, a: str, b: str) -> str:
    """Add an activation of as many elements, of a single one, or of a vector along the last dimension."""
    shape, small = call.scope.tensor(a).shape, call.scope.tensor(b).shape
    if prod(small) == prod(shape):
        return call.emit(Add(), (a, call.reshape(b, shape)), shape)
    if prod(small) != 1 and (small[-1:] != shape[-1:] or prod(small) != shape[-1]):
        call.refuse(f"{shape} and {small}: an activation broadcasts along the last dimension only")
    return call.emit(Add(), (a, call.reshape(b, (prod(small),))), shape)


def relu(call: Call) -> str:
    x = call.real(0)
    return call.emit(Clamp(Bounds(low=0.0)), (x.name,), x.shape)


def clip(call: Call) -> str:
    """Bounds as attributes (before opset 11) or constant inputs."""
    x = call.real(0)
    if call.opset < 11:
        low, high = call.attribute("min", -inf), call.attribute("max", inf)
    else:
        low, high = (_scalar(call, i) if call.has(i) else unbounded for i, unbounded in ((1, -inf), (2, inf)))
    low, high = (float(np.float32(v)) for v in (low, high))
    if isnan(low) or isnan(high):
        call.malformed(f"bounds {low} and {high}")
    # Where the bounds cross, ONNX gives the upper one everywhere.
    return call.emit(Clamp(Bounds(min(low, high), high)), (x.name,), x.shape)


def _scalar(call: Call, index: int) -> float:
    value = call.constant(index)
    if value.size != 1:
        call.malformed(f"a bound of shape {value.shape}")
    return float(value.reshape(()))


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
