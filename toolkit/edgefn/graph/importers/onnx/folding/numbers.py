"""Rules of folding for what computes with numbers: in numpy, in the types of the model, so that i64 stays exact."""

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.importers.onnx.activation import UNARIES
from edgefn.graph.importers.onnx.file import DTYPES
from edgefn.graph.importers.onnx.reduction import read_axes
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.ir import NUMPY
from edgefn.graph.ops.arg import index_of
from edgefn.graph.ops.unary import FUNCTIONS

__all__ = ["COMPUTED"]

type Array = NDArray[Any]
type Rule = Callable[[Call], Array]


def _operands(call: Call) -> list[Array]:
    """The constants, whose broadcast is bounded."""
    values = [call.constant(i) for i in range(len(call.node.inputs))]
    call.bounded(np.broadcast_shapes(*(v.shape for v in values)))
    return values


def _combined(compute: Callable[[Array, Array], Array]) -> Rule:
    """A function of two, applied from the left, that keeps the type."""

    def rule(call: Call) -> Array:
        first, *others = _operands(call)
        return reduce(lambda a, b: np.asarray(compute(a, b)).astype(a.dtype), others, first)

    return rule


def _compared(compute: Callable[[Array, Array], Array]) -> Rule:
    return lambda call: compute(*_operands(call))


def _divide(a: Array, b: Array) -> Array:
    if a.dtype.kind == "f":
        return np.asarray(a / b)
    whole = np.abs(a) // np.maximum(np.abs(b), 1)
    return np.where((a < 0) == (b < 0), whole, -whole)


def _mod(call: Call) -> Array:
    a, b = _operands(call)
    return np.asarray(np.fmod(a, b) if call.attribute("fmod", 0) else np.mod(a, b))


def _mean(call: Call) -> Array:
    values = _operands(call)
    return np.asarray(sum(values[1:], values[0]) / values[0].dtype.type(len(values)))


def _kept(compute: Callable[[Array], Array]) -> Rule:
    """A function of one that keeps the type."""

    def rule(call: Call) -> Array:
        x = call.constant(0)
        return np.asarray(compute(x)).astype(x.dtype)

    return rule


def _unary(name: str) -> Rule:
    function, attributes = UNARIES[name]

    def rule(call: Call) -> Array:
        x = call.constant(0)
        alpha, beta, *_ = (*(call.attribute(*a) for a in attributes), 0.0, 0.0)
        return FUNCTIONS[function](x.astype(np.float64), alpha, beta).astype(x.dtype)

    return rule


def _clip(call: Call) -> Array:
    x = call.constant(0)
    if call.opset < 11:
        bounds: list[Any] = [call.node.attributes.get(name) for name in ("min", "max")]
    else:
        bounds = [call.constant(i) if call.has(i) else None for i in (1, 2)]
    low, high = bounds
    x = x if low is None else np.maximum(x, low)
    return np.asarray(x if high is None else np.minimum(x, high)).astype(call.constant(0).dtype)


def _cast(call: Call) -> Array:
    to = call.attribute("to", 0)
    if to not in DTYPES:
        call.refuse(f"to data type {to}")
    return call.constant(0).astype(NUMPY[DTYPES[to]])


def _where(call: Call) -> Array:
    cond, a, b = _operands(call)
    return np.where(cond, a, b)


def _reduced(compute: Callable[..., Array]) -> Rule:
    def rule(call: Call) -> Array:
        x = call.constant(0)
        axes = read_axes(call, x.ndim)
        if not axes and call.attribute("noop_with_empty_axes", 0):
            return x
        return np.asarray(compute(x, axis=axes or None, keepdims=bool(call.attribute("keepdims", 1)))).astype(x.dtype)

    return rule


def _arg(*, smallest: bool) -> Rule:
    def rule(call: Call) -> Array:
        x = call.constant(0)
        axis = call.axis(call.attribute("axis", 0), x.ndim)
        found = index_of(x, axis, smallest=smallest, last=bool(call.attribute("select_last_index", 0)))
        return (found if call.attribute("keepdims", 1) else found.squeeze(axis)).astype(np.int64)

    return rule


def _cum_sum(call: Call) -> Array:
    x = call.constant(0)
    axis = call.axis(int(call.constant(1).reshape(())), x.ndim)
    x = np.flip(x, axis) if call.attribute("reverse", 0) else x
    total = x.cumsum(axis, dtype=x.dtype) - (x if call.attribute("exclusive", 0) else 0)
    return np.asarray(np.flip(total, axis) if call.attribute("reverse", 0) else total)


COMPUTED: dict[str, Rule] = {
    **{name: _unary(name) for name in UNARIES},
    "Abs": _kept(np.abs),
    "Add": _combined(np.add),
    "And": _compared(np.logical_and),
    "ArgMax": _arg(smallest=False),
    "ArgMin": _arg(smallest=True),
    "Cast": _cast,
    "CastLike": lambda call: call.constant(0).astype(call.constant(1).dtype),
    "Clip": _clip,
    "CumSum": _cum_sum,
    "Div": _combined(_divide),
    "Equal": _compared(np.equal),
    "Greater": _compared(np.greater),
    "GreaterOrEqual": _compared(np.greater_equal),
    "IsNaN": lambda call: np.isnan(call.constant(0)),
    "Less": _compared(np.less),
    "LessOrEqual": _compared(np.less_equal),
    "Max": _combined(np.maximum),
    "Mean": _mean,
    "Min": _combined(np.minimum),
    "Mod": _mod,
    "Mul": _combined(np.multiply),
    "Neg": _kept(np.negative),
    "Not": lambda call: np.logical_not(call.constant(0)),
    "Or": _compared(np.logical_or),
    "Pow": _combined(np.power),
    "ReduceMax": _reduced(np.max),
    "ReduceMean": _reduced(np.mean),
    "ReduceMin": _reduced(np.min),
    "ReduceProd": _reduced(np.prod),
    "ReduceSum": _reduced(np.sum),
    "Relu": _kept(lambda x: np.maximum(x, 0)),
    "Sign": _kept(np.sign),
    "Sub": _combined(np.subtract),
    "Sum": _combined(np.add),
    "Where": _where,
    "Xor": _compared(np.logical_xor),
}
