"""Functions of one element at a time: activations and what calculators have; i8 by tables."""

from collections.abc import Callable
from math import erf, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.importers.tflite import tables
from edgefn.graph.importers.tflite.arithmetic import combine, number
from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.ir import Tensor
from edgefn.graph.ops import Unary

__all__ = ["UNARIES", "gelu", "leaky_relu", "square", "unary"]

type Array = NDArray[Any]
type Bytes = Callable[[Call, Tensor], Array]
type Whole = Callable[[Call, str], str]


def _gelu(x: Array) -> Array:
    return np.asarray(0.5 * x * (1 + np.vectorize(erf)(x * sqrt(0.5))))


def _gelu_tanh(x: Array) -> Array:
    return np.asarray(0.5 * x * (1 + np.tanh(sqrt(2 / np.pi) * (x + 0.044715 * x**3))))


def _in_floats(function: Callable[[Array], Array]) -> Bytes:
    """A table of a function of f64, rounded to f32."""
    return lambda call, x: tables.in_floats(call, x, lambda v: function(v.astype(np.float64)).astype(np.float32))


def _negated(call: Call, x: str) -> str:
    return combine(call, "sub", number(call, 0, "i32"), x)


def _sign(call: Call, x: str) -> str:
    return combine(call, "min", combine(call, "max", x, number(call, -1, "i32")), number(call, 1, "i32"))


# By TFLite's name: the function of f32, and of i8 and i32 where there is one.
UNARIES: dict[str, tuple[Unary, Bytes | None, Whole | None]] = {
    "ABS": (Unary("abs"), tables.absolute, lambda call, x: combine(call, "max", x, _negated(call, x))),
    "CEIL": (Unary("ceil"), None, None),
    "COS": (Unary("cos"), None, None),
    "ELU": (Unary("elu", 1.0, 1.0), _in_floats(lambda v: np.where(v < 0, np.expm1(v), v)), None),
    "EXP": (Unary("exp"), _in_floats(np.exp), None),
    "FLOOR": (Unary("floor"), None, None),
    "HARD_SWISH": (Unary("hard_swish", 1 / 6, 0.5), tables.hard_swish, None),
    "LOG": (Unary("log"), _in_floats(np.log), None),
    "NEG": (Unary("neg"), None, _negated),
    "ROUND": (Unary("round"), None, None),
    "RSQRT": (Unary("rsqrt"), tables.rsqrt, None),
    "SIGN": (Unary("sign"), None, _sign),
    "SIN": (Unary("sin"), None, None),
    "SQRT": (Unary("sqrt"), tables.root, None),
}


def unary(name: str) -> Callable[[Call], str]:
    """The handler of an operator in UNARIES."""
    floats, octets, whole = UNARIES[name]
    return lambda call: _apply(call, floats, octets, whole)


def _apply(call: Call, floats: Unary, octets: Bytes | None, whole: Whole | None = None) -> str:
    x = call.value(0)
    if x.dtype == call.output.dtype == "f32":
        return call.emit(floats, (x.name,), x.shape)
    if x.dtype == "i32" and whole:
        return whole(call, x.name)
    if octets is None or x.dtype != "i8":
        known = ", ".join(["f32", *(["i8"] if octets else []), *(["i32"] if whole else [])])
        call.refuse(f"{x.dtype} input {x.name!r} to {call.output.dtype}; {known} is supported")
    return tables.looked_up(call, x, octets(call, call.numbers(0)))


def gelu(call: Call) -> str:
    near = call.option("approximate")
    return _apply(call, Unary("gelu_tanh" if near else "gelu"), _in_floats(_gelu_tanh if near else _gelu))


def leaky_relu(call: Call) -> str:
    if not np.isfinite(call.option("alpha")):
        call.malformed(f"alpha is {call.option('alpha')}")
    return _apply(call, Unary("leaky_relu", call.option("alpha")), tables.leaky_relu)


def square(call: Call) -> str:
    x = call.value(0)
    if x.dtype not in {"f32", "i32"}:
        call.refuse(f"{x.dtype} input {x.name!r}; f32 and i32 are supported")
    return combine(call, "mul", x.name, x.name)
