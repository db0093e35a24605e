"""ONNX ops on constants: what exporters compute shapes with. Everything is bounded, since it runs at import."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.importers.onnx.folding.elements import REARRANGED
from edgefn.graph.importers.onnx.folding.numbers import COMPUTED
from edgefn.graph.importers.onnx.movement import target_shape, unsqueezed
from edgefn.graph.importers.onnx.scope import Call

__all__ = ["FOLDED", "OF_SHAPES", "fold"]

type Array = NDArray[Any]

type Rule = Callable[[Call], Array | tuple[Array, ...]]

# What needs the shape of its input only.
OF_SHAPES = frozenset({"EyeLike", "Shape", "Size"})


def fold(call: Call) -> tuple[Array, ...] | None:
    """Return the values of a node whose inputs are constant; None when it has to run."""
    rule = FOLDED.get(call.node.qualified)
    if rule is None:
        return None
    if call.node.op not in OF_SHAPES and not all(_is_constant(call, i) for i in _present(call)):
        return None
    with np.errstate(all="ignore"):
        try:
            values = rule(call)
            return values if isinstance(values, tuple) else (np.asarray(values),)
        except (TypeError, ValueError, IndexError, OverflowError, ZeroDivisionError, np.exceptions.AxisError) as error:
            call.malformed(str(error))


def _is_constant(call: Call, index: int) -> bool:
    return call.known(index) not in call.scope.sequences and call.input(index).constant is not None


def _present(call: Call) -> list[int]:
    return [i for i in range(len(call.node.inputs)) if call.has(i)]


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


def _constant_of_shape(call: Call) -> Array:
    shape = call.bounded(tuple(int(d) for d in call.constant(0).reshape(-1)))
    return np.full(shape, call.attribute("value", np.zeros(1, np.float32)).reshape(-1)[0])


def _concat(call: Call) -> Array:
    parts = [call.constant(i) for i in _present(call)]
    call.bounded((sum(p.size for p in parts),))
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


FOLDED: dict[str, Rule] = {
    "Concat": _concat,
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Identity": lambda call: call.constant(0),
    "Reshape": _reshape,
    "Shape": _shape,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    **COMPUTED,
    **REARRANGED,
}
