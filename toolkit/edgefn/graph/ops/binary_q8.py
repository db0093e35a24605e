"""binary_q8: one function of two i8 operands that broadcast against each other, in TFLite's fixed point."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step, scalar_of, whole_bounds
from edgefn.graph.ir import OPEN, Bounds, Node, Op, Tensor
from edgefn.graph.opcode import opcode
from edgefn.graph.ops.broadcast import check_broadcast
from edgefn.graph.ops.fixed import MAX_SHIFT, MIN_SHIFT, end, multiplier_of, scaled
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine
from edgefn.graph.view import View

__all__ = ["CODES", "FUNCTIONS", "BinaryQ8", "lower"]

type Array = NDArray[Any]
type Words = dict[str, int] | PlanOp

# Their order is that of docs/spec/plan.md.
FUNCTIONS = ("add", "sub", "mul", "squared_difference", "prelu", "max", "min")
_LEFT = {"add": 20, "sub": 20, "squared_difference": 7}  # bits behind the point of operands in a common step


@dataclass(frozen=True, slots=True)
class BinaryQ8(Op):
    """Inputs a and b, i8 as the output; `function` is one of FUNCTIONS."""

    function: str
    bounds: Bounds = OPEN

    def of(self, node: Node, tensors: tuple[Tensor, Tensor, Tensor], a: Array, b: Array) -> NDArray[np.int8]:
        """The function of i8 numbers, with the quantization of `tensors`: the operands and the output."""
        words = _words(node, self, *tensors)
        return _ended(a.astype(np.int64), b.astype(np.int64), words).astype(np.int8)


def lower(low: Lowering, node: Node, op: BinaryQ8) -> Step:
    (a, b), y = low.operands(node)
    if not low.fixed or {a.dtype, b.dtype, y.dtype} != {"i8"}:
        raise low.impossible(node)
    values = {"a": low.source(a.name), "b": low.source(b.name), "y": y.name}
    return Step("binary_q8", node, values | _words(node, op, a, b, y))


def _words(node: Node, op: BinaryQ8, a: Tensor, b: Tensor, y: Tensor) -> dict[str, int]:
    """All parameters but the tensors."""
    (a_scale, a_zero), (b_scale, b_zero), (y_scale, y_zero) = scalar_of(a), scalar_of(b), scalar_of(y)
    words = {"function": FUNCTIONS.index(op.function), "a_zero": a_zero, "b_zero": b_zero, "y_zero": y_zero}
    reals = _FACTORS[op.function](a_scale, b_scale, y_scale)
    for name, real in zip("aby", reals, strict=True):
        words[f"{name}_mult"], words[f"{name}_power"] = multiplier_of(node, real)
    words["low"], words["high"] = whole_bounds(op.bounds, y, fixed=True)
    return words


def _of_sum(a: float, b: float, y: float) -> tuple[float, float, float]:
    step = 2 * max(a, b)
    return a / step, b / step, step / (2.0 ** _LEFT["add"] * y)


def _of_square(a: float, b: float, y: float) -> tuple[float, float, float]:
    step = 2 * max(a, b)
    return a / step, b / step, step * step / (2.0 ** (2 * _LEFT["squared_difference"]) * y)


def _quotient(over: float, by: float) -> float:
    with np.errstate(over="ignore"):
        return float(np.float32(over) / np.float32(by))


def _of_product(a: float, b: float, y: float) -> float:
    with np.errstate(over="ignore"):
        return _quotient(float(np.float32(a) * np.float32(b)), y)


# By function, from the scales: how a, b and what becomes of them are scaled. TFLite has sums in f64, products in f32.
_FACTORS: dict[str, Callable[[float, float, float], tuple[float, float, float]]] = {
    "add": _of_sum,
    "sub": _of_sum,
    "mul": lambda a, b, y: (0, 0, _of_product(a, b, y)),
    "squared_difference": _of_square,
    "prelu": lambda a, b, y: (_quotient(a, y), 0, _of_product(a, b, y)),
    "max": lambda _a, _b, _y: (0, 0, 0),
    "min": lambda _a, _b, _y: (0, 0, 0),
}


def _check(v: View) -> None:
    v.dtypes(a="i8", b="i8", y="i8")
    v.need(v.op["function"] < len(FUNCTIONS), f"function {v.op['function']} of {len(FUNCTIONS)}")
    for name in ("a_power", "b_power", "y_power"):
        v.need(MIN_SHIFT <= v.op[name] <= MAX_SHIFT, f"{name} is {v.op[name]}")
    check_broadcast(v, "a", "b")


def _value(m: Machine, op: PlanOp) -> Array:
    return _ended(m.get(op, "a").astype(np.int64), m.get(op, "b").astype(np.int64), op)


def _ended(a: Array, b: Array, words: Words) -> Array:
    value = _of(FUNCTIONS[words["function"]], a - words["a_zero"], b - words["b_zero"], words)
    return end(value, words["y_zero"], words["low"], words["high"])


def _scaled(v: Array, words: Words, name: str) -> Array:
    return scaled(v.astype(np.int32), words[f"{name}_mult"], words[f"{name}_power"])


def _of(function: str, a: Array, b: Array, words: Words) -> Array:
    if function == "mul":
        return _scaled(a * b, words, "y")
    if function == "prelu":
        return np.where(a < 0, _scaled(a * b, words, "y"), _scaled(a, words, "a"))
    if function in {"max", "min"}:
        return np.maximum(a, b) if function == "max" else np.minimum(a, b)
    left, right = _scaled(a << _LEFT[function], words, "a"), _scaled(b << _LEFT[function], words, "b")
    v = (left + right if function == "add" else left - right).astype(np.int32).astype(np.int64)
    return _scaled(v * v if function == "squared_difference" else v, words, "y")


CODES = (
    opcode(
        60,
        "binary_q8",
        "*a *b *y function a_mult:multiplier -a_power b_mult:multiplier -b_power y_mult:multiplier -y_power"
        " a_zero:i8 b_zero:i8 y_zero:i8 low:i8 high:i8",
        _check,
        _value,
        in_place="a b",
    ),
)
