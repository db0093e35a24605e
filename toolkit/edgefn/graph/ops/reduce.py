"""reduce: one number for all along some axes."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step
from edgefn.graph.ir import Node, Op, Shape
from edgefn.graph.opcode import opcode
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine
from edgefn.graph.view import View

__all__ = ["CODES", "FUNCTIONS", "Reduce", "check_reduced", "lower", "span_of"]

type Array = NDArray[Any]
type Axes = tuple[int, ...]
type Function = Callable[[Array, Axes], Array]


def _log_sum_exp(x: Array, axes: Axes) -> Array:
    most = x.max(axes, keepdims=True)
    most = np.where(np.isfinite(most), most, 0)
    return np.asarray(np.log(np.exp(x - most).sum(axes, keepdims=True)) + most)


# Of x in f64, keeping the axes; their order is that of docs/spec/plan.md.
_FUNCTIONS: dict[str, Function] = {
    "sum": lambda x, axes: x.sum(axes, keepdims=True),
    "mean": lambda x, axes: x.mean(axes, keepdims=True),
    "max": lambda x, axes: x.max(axes, keepdims=True),
    "min": lambda x, axes: x.min(axes, keepdims=True),
    "prod": lambda x, axes: x.prod(axes, keepdims=True),
    "l1": lambda x, axes: np.abs(x).sum(axes, keepdims=True),
    "l2": lambda x, axes: np.sqrt(np.square(x).sum(axes, keepdims=True)),
    "sum_square": lambda x, axes: np.square(x).sum(axes, keepdims=True),
    "log_sum": lambda x, axes: np.log(x.sum(axes, keepdims=True)),
    "log_sum_exp": _log_sum_exp,
}
FUNCTIONS = tuple(_FUNCTIONS)
_OF_INTEGERS = FUNCTIONS[:5]


@dataclass(frozen=True, slots=True)
class Reduce(Op):
    """`function` of FUNCTIONS along `axes`, which stay with a length of 1."""

    function: str
    axes: Axes

    def of(self, x: Array) -> Array:
        """The result, in the dtype of `x`."""
        with np.errstate(all="ignore"):
            value = _FUNCTIONS[self.function](x.astype(np.float64), self.axes)
            if x.dtype.kind == "f":
                return value.astype(x.dtype)
            ends = np.iinfo(x.dtype)
            return np.clip(np.trunc(value), ends.min, ends.max).astype(x.dtype)

    def before(self, perm: tuple[int, ...]) -> "Reduce":
        return Reduce(self.function, tuple(sorted(perm[a] for a in self.axes)))


def span_of(shape: Shape, axes: Axes) -> tuple[int, int] | None:
    """`n` and `inner` of `shape` read as `[outer, n, inner]`, where n is all of `axes`; None when they lie apart."""
    long = [a for a in axes if shape[a] > 1]
    first, last = min(long, default=0), max(long, default=-1)
    if prod(shape[first : last + 1]) != prod(shape[a] for a in long):
        return None
    return prod(shape[a] for a in long), prod(shape[last + 1 :])


def lower(low: Lowering, node: Node, op: Reduce) -> Step:
    (x,), _ = low.operands(node)
    span = span_of(x.shape, op.axes)
    if span is None or (x.dtype != "f32" and (x.dtype != "i32" or op.function not in _OF_INTEGERS)):
        raise low.impossible(node)
    n, inner = span
    return low.unary(node, "reduce", function=FUNCTIONS.index(op.function), n=n, inner=inner)


def check_reduced(v: View) -> None:
    """Need x as `[outer, n, inner]` and y as `[outer, inner]`."""
    x, y, n, inner = v.tensor["x"], v.tensor["y"], v.op["n"], v.op["inner"]
    v.need(n > 0 and inner > 0 and y.size % inner == 0, f"n = {n:,}, inner = {inner:,} of y {y.dims}")
    v.need(x.size == y.size * n, f"x {x.dims} is not {n:,} times y {y.dims}")
    v.whole("x")


def _check(v: View) -> None:
    v.need(v.op["function"] < len(FUNCTIONS), f"function {v.op['function']} of {len(FUNCTIONS)}")
    name, dtype = FUNCTIONS[v.op["function"]], v.tensor["x"].dtype
    v.need(dtype == "f32" or (dtype == "i32" and name in _OF_INTEGERS), f"{name} of {dtype}")
    v.dtypes(y=dtype)
    check_reduced(v)


def _value(m: Machine, op: PlanOp) -> Array:
    x = m.get(op, "x").reshape(-1, op["n"], op["inner"])
    return Reduce(FUNCTIONS[op["function"]], (1,)).of(x).reshape(m.get(op, "y").shape)


CODES = (opcode(37, "reduce", "*x *y function n inner", _check, _value),)
