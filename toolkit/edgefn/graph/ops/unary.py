"""unary: one function of every element, in f32."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.errors import UnsupportedError
from edgefn.graph.draft import Lowering, Step
from edgefn.graph.ir import Node, Op
from edgefn.graph.opcode import opcode
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine
from edgefn.graph.view import View

__all__ = ["CODES", "FUNCTIONS", "Unary", "lower"]

type Array = NDArray[Any]
type Function = Callable[[Array, float, float], Array]

_erf = np.vectorize(math.erf, otypes=[np.float64])


def _sigmoid(x: Array) -> Array:
    e = np.exp(-np.abs(x))
    return np.asarray(np.where(x < 0, e, 1) / (1 + e))


def _softplus(x: Array) -> Array:
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


def _gelu_tanh(x: Array) -> Array:
    return np.asarray(x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))))


def _shrink(x: Array, alpha: float, beta: float) -> Array:
    return np.where(x < -alpha, x + beta, np.where(x > alpha, x - beta, 0))


def _hard_sigmoid(x: Array, alpha: float, beta: float) -> Array:
    return np.clip(alpha * x + beta, 0, 1)


# Of x in f64, alpha and beta; their order is that of docs/spec/plan.md.
FUNCTIONS: dict[str, Function] = {
    "abs": lambda x, _a, _b: np.abs(x),
    "neg": lambda x, _a, _b: -x,
    "sign": lambda x, _a, _b: np.sign(x),
    "floor": lambda x, _a, _b: np.floor(x),
    "ceil": lambda x, _a, _b: np.ceil(x),
    "round": lambda x, _a, _b: np.rint(x),
    "sqrt": lambda x, _a, _b: np.sqrt(x),
    "rsqrt": lambda x, _a, _b: 1 / np.sqrt(x),
    "reciprocal": lambda x, _a, _b: 1 / x,
    "exp": lambda x, _a, _b: np.exp(x),
    "log": lambda x, _a, _b: np.log(x),
    "sigmoid": lambda x, _a, _b: _sigmoid(x),
    "tanh": lambda x, _a, _b: np.tanh(x),
    "erf": lambda x, _a, _b: _erf(x),
    "gelu": lambda x, _a, _b: x / 2 * (1 + _erf(x * math.sqrt(0.5))),
    "gelu_tanh": lambda x, _a, _b: _gelu_tanh(x),
    "silu": lambda x, a, _b: x * _sigmoid(a * x),
    "elu": lambda x, a, b: np.where(x > 0, b * x, a * np.expm1(np.minimum(x, 0))),
    "softplus": lambda x, _a, _b: _softplus(x),
    "softsign": lambda x, _a, _b: x / (1 + np.abs(x)),
    "mish": lambda x, _a, _b: x * np.tanh(_softplus(x)),
    "leaky_relu": lambda x, a, _b: np.where(x < 0, a * x, x),
    "thresholded_relu": lambda x, a, _b: np.where(x > a, x, 0),
    "hard_sigmoid": _hard_sigmoid,
    "hard_swish": lambda x, a, b: x * _hard_sigmoid(x, a, b),
    "shrink": _shrink,
    "sin": lambda x, _a, _b: np.sin(x),
    "cos": lambda x, _a, _b: np.cos(x),
    "tan": lambda x, _a, _b: np.tan(x),
    "asin": lambda x, _a, _b: np.arcsin(x),
    "acos": lambda x, _a, _b: np.arccos(x),
    "atan": lambda x, _a, _b: np.arctan(x),
    "sinh": lambda x, _a, _b: np.sinh(x),
    "cosh": lambda x, _a, _b: np.cosh(x),
    "asinh": lambda x, _a, _b: np.arcsinh(x),
    "acosh": lambda x, _a, _b: np.arccosh(x),
    "atanh": lambda x, _a, _b: np.arctanh(x),
}
_NAMES = tuple(FUNCTIONS)


@dataclass(frozen=True, slots=True)
class Unary(Op):
    """`function` of FUNCTIONS; `alpha` and `beta` where it names them."""

    function: str
    alpha: float = 0.0
    beta: float = 0.0

    def of(self, x: Array) -> NDArray[np.float32]:
        """The function of f32 numbers, rounded to f32 once."""
        with np.errstate(all="ignore"):
            wide = FUNCTIONS[self.function](x.astype(np.float64), float(self.alpha), float(self.beta))
            return wide.astype(np.float32)

    def before(self, perm: tuple[int, ...]) -> "Unary":
        return self


def lower(low: Lowering, node: Node, op: Unary) -> Step:
    alpha, beta = float(np.float32(op.alpha)), float(np.float32(op.beta))
    if not (math.isfinite(alpha) and math.isfinite(beta)):
        message = f"{op.function} node {node.name!r} has the parameters {op.alpha} and {op.beta}"
        raise UnsupportedError("EFN-M012", message, hint="give it finite parameters")
    values = {
        "function": _NAMES.index(op.function),
        "alpha": alpha,
        "beta": beta,
    }
    return low.unary(node, "unary_f32", **values)


def _check(v: View) -> None:
    v.dtypes(x="f32", y="f32")
    v.equal_sizes()
    v.need(v.op["function"] < len(_NAMES), f"function {v.op['function']} of {len(_NAMES)}")


def _value(m: Machine, op: PlanOp) -> Array:
    return Unary(_NAMES[op["function"]], op["alpha"], op["beta"]).of(m.get(op, "x"))


CODES = (opcode(30, "unary_f32", "*x *y function alpha:finite beta:finite", _check, _value, in_place="x"),)
