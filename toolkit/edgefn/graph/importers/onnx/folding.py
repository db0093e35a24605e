"""ONNX ops on constants: what exporters compute shapes with. Everything is bounded, since it runs at import."""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.importers.bounds import MAX_RANK
from edgefn.graph.importers.onnx.file import DTYPES
from edgefn.graph.importers.onnx.movement import target_shape, unsqueezed
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.ir import NUMPY

__all__ = ["FOLDED", "MAX_FOLDED", "fold"]

type Array = NDArray[Any]

MAX_FOLDED = 1 << 24


def fold(call: Call) -> Array | None:
    """Return the value of a node whose inputs are constant; None when it has to run. Shape needs a shape only."""
    rule = FOLDED.get(call.node.op)
    if rule is None:
        return None
    if call.node.op != "Shape" and not all(call.input(i).constant is not None for i in _present(call)):
        return None
    with np.errstate(all="ignore"):
        try:
            return np.asarray(rule(call))
        except (TypeError, ValueError, IndexError, OverflowError, ZeroDivisionError, np.exceptions.AxisError) as error:
            call.malformed(str(error))


def _present(call: Call) -> list[int]:
    return [i for i in range(len(call.node.inputs)) if call.has(i)]


def _bounded(call: Call, shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) > MAX_RANK or any(d < 0 for d in shape) or prod(shape) > MAX_FOLDED:
        call.malformed(f"a constant of shape {shape}")
    return shape


def _constant(call: Call) -> Array:
    for name, dtype in (("value_int", np.int64), ("value_float", np.float32)):
        if name in call.node.attributes:
            return np.array(call.node.attributes[name], dtype)
        if f"{name}s" in call.node.attributes:
            return np.array(call.node.attributes[f"{name}s"], dtype)
    value = call.node.attributes.get("value")
    if not isinstance(value, np.ndarray):
        call.refuse("no tensor or number as its value")
    return value


def _shape(call: Call) -> Array:
    shape = call.input(0).shape
    return np.array(shape[slice(call.attribute("start", 0), call.node.attributes.get("end"))], np.int64)


def _cast(call: Call) -> Array:
    to = call.attribute("to", 0)
    if to not in DTYPES:
        call.refuse(f"to data type {to}")
    return call.constant(0).astype(NUMPY[DTYPES[to]])


def _constant_of_shape(call: Call) -> Array:
    shape = _bounded(call, tuple(int(d) for d in call.constant(0).reshape(-1)))
    return np.full(shape, call.attribute("value", np.zeros(1, np.float32)).reshape(-1)[0])


def _gather(call: Call) -> Array:
    data, indices = call.constant(0), call.constant(1).astype(np.int64)
    axis = call.axis(call.attribute("axis", 0), data.ndim)
    _bounded(call, data.shape[:axis] + indices.shape + data.shape[axis + 1 :])
    return np.take(data, indices, axis)


def _slice(call: Call) -> Array:
    data = call.constant(0)
    axes: Any
    starts: Any
    ends: Any
    steps: Any
    if call.opset < 10:
        starts, ends = call.attribute("starts", ()), call.attribute("ends", ())
        axes, steps = call.attribute("axes", tuple(range(len(starts)))), (1,) * len(starts)
    else:
        starts, ends = call.constant(1), call.constant(2)
        axes = call.constant(3) if call.has(3) else np.arange(len(starts))
        steps = call.constant(4) if call.has(4) else np.ones(len(starts), np.int64)
    index: list[slice] = [slice(None)] * data.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        # Python's slice clips like ONNX's, but reads a negative end below the start as counted from the back.
        stop = None if step < 0 and end < -data.shape[call.axis(int(axis), data.ndim)] else int(end)
        index[call.axis(int(axis), data.ndim)] = slice(int(start), stop, int(step))
    return data[tuple(index)]


def _concat(call: Call) -> Array:
    parts = [call.constant(i) for i in _present(call)]
    if sum(p.size for p in parts) > MAX_FOLDED:
        call.malformed("a constant that is too large")
    return np.concatenate(parts, call.attribute("axis", 1))


def _reshape(call: Call) -> Array:
    data = call.constant(0)
    return data.reshape(target_shape(call, data.shape, [int(d) for d in call.constant(1).reshape(-1)]))


def _unsqueeze(call: Call) -> Array:
    data = call.constant(0)
    axes = call.constant(1).reshape(-1) if call.opset >= 13 else call.attribute("axes", ())
    return data.reshape(unsqueezed(call, data.shape, [int(a) for a in axes]))


def _squeeze(call: Call) -> Array:
    data = call.constant(0)
    axes = call.constant(1).reshape(-1) if call.has(1) else call.attribute("axes", ())
    return data.squeeze(tuple(int(a) for a in axes) or None)


def _transpose(call: Call) -> Array:
    data = call.constant(0)
    return data.transpose(call.attribute("perm", tuple(reversed(range(data.ndim)))))


def _binary(compute: Callable[[Array, Array], Array]) -> Callable[[Call], Array]:
    def rule(call: Call) -> Array:
        a, b = call.constant(0), call.constant(1)
        _bounded(call, np.broadcast_shapes(a.shape, b.shape))
        return compute(a, b).astype(a.dtype)

    return rule


def _divide(a: Array, b: Array) -> Array:
    if np.issubdtype(a.dtype, np.floating):
        return np.asarray(a / b)
    return np.asarray(np.trunc(a / b))


FOLDED: dict[str, Callable[[Call], Array]] = {
    "Add": _binary(lambda a, b: np.asarray(a + b)),
    "Cast": _cast,
    "Concat": _concat,
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Div": _binary(_divide),
    "Gather": _gather,
    "Identity": lambda call: call.constant(0),
    "Mul": _binary(lambda a, b: np.asarray(a * b)),
    "Reshape": _reshape,
    "Shape": _shape,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Sub": _binary(lambda a, b: np.asarray(a - b)),
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
