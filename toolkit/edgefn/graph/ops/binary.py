"""binary: one function of two operands that broadcast against each other."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step
from edgefn.graph.ir import Node, Op
from edgefn.graph.opcode import opcode
from edgefn.graph.ops.broadcast import check_broadcast
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine
from edgefn.graph.view import View

__all__ = ["CODES", "COMPARISONS", "FUNCTIONS", "Binary", "lower"]

type Array = NDArray[Any]
type Function = Callable[[Array, Array], Array]


def _divide(a: Array, b: Array) -> Array:
    if a.dtype.kind == "f":
        return np.asarray(a / b)
    quotient = np.abs(a.astype(np.int64)) // np.maximum(np.abs(b.astype(np.int64)), 1)
    return np.where(b == 0, 0, np.where((a < 0) == (b < 0), quotient, -quotient)).astype(a.dtype)


def _power(a: Array, b: Array) -> Array:
    return np.asarray(np.power(a.astype(np.float64), b.astype(np.float64)))


# What each is for: f32, i32, or u8 and i32. Their order is that of docs/spec/plan.md.
_BOTH, _FLOATS, _BITS = frozenset({"f32", "i32"}), frozenset({"f32"}), frozenset({"u8", "i32"})
_FUNCTIONS: dict[str, tuple[Function, frozenset[str]]] = {
    "add": (np.add, _BOTH),
    "sub": (np.subtract, _BOTH),
    "mul": (np.multiply, _BOTH),
    "div": (_divide, _BOTH),
    "max": (np.maximum, _BOTH),
    "min": (np.minimum, _BOTH),
    "mod": (np.mod, _BOTH),
    "fmod": (np.fmod, _BOTH),
    "pow": (_power, _FLOATS),
    "prelu": (lambda a, b: np.where(a < 0, a * b, a), _FLOATS),
    "and": (np.bitwise_and, _BITS),
    "or": (np.bitwise_or, _BITS),
    "xor": (np.bitwise_xor, _BITS),
    "equal": (np.equal, _BOTH),
    "not_equal": (np.not_equal, _BOTH),
    "less": (np.less, _BOTH),
    "less_equal": (np.less_equal, _BOTH),
}
FUNCTIONS = tuple(_FUNCTIONS)
COMPARISONS = frozenset({"equal", "not_equal", "less", "less_equal"})


@dataclass(frozen=True, slots=True)
class Binary(Op):
    """Inputs a and b of one dtype; `function` is one of FUNCTIONS, of which COMPARISONS give u8."""

    function: str

    def of(self, a: Array, b: Array) -> Array:
        """The function of arrays, in their dtype; u8 of a comparison."""
        with np.errstate(all="ignore"):
            value = _FUNCTIONS[self.function][0](a, b)
            return np.asarray(value, np.uint8 if self.function in COMPARISONS else a.dtype)

    def before(self, perm: tuple[int, ...]) -> "Binary":
        return self


def lower(low: Lowering, node: Node, op: Binary) -> Step:
    (a, b), y = low.operands(node)
    if a.dtype not in _FUNCTIONS[op.function][1]:
        raise low.impossible(node)
    values = {"a": low.source(a.name), "b": low.source(b.name), "y": y.name, "function": FUNCTIONS.index(op.function)}
    return Step("binary", node, values)


def _check(v: View) -> None:
    v.need(v.op["function"] < len(FUNCTIONS), f"function {v.op['function']} of {len(FUNCTIONS)}")
    name, dtype = FUNCTIONS[v.op["function"]], v.tensor["a"].dtype
    v.need(dtype in _FUNCTIONS[name][1], f"{name} of {dtype}")
    v.dtypes(b=dtype, y="u8" if name in COMPARISONS else dtype)
    check_broadcast(v, "a", "b")


def _value(m: Machine, op: PlanOp) -> Array:
    return Binary(FUNCTIONS[op["function"]]).of(m.get(op, "a"), m.get(op, "b"))


CODES = (opcode(31, "binary", "*a *b *y function", _check, _value, in_place="a b"),)
