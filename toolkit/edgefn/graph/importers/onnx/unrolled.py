"""LSTM with other functions than the engine's op has, step by step."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.importers.recurrence import Layer, States
from edgefn.graph.ir import Bounds, Op, Shape
from edgefn.graph.ops import Add, Binary, Clamp, Concat, Dense, Slice, Unary
from edgefn.graph.ops.concat import MAX_INPUTS
from edgefn.graph.ops.recurrent import spread

__all__ = ["Functions", "lstm", "read_functions"]

GATES = 4

# By ONNX's names in lower case: the function, and the defaults of alpha and beta where it has them.
_UNARIES: dict[str, tuple[str, tuple[float, ...]]] = {
    "elu": ("elu", (1.0,)),
    "hardsigmoid": ("hard_sigmoid", (0.2, 0.5)),
    "leakyrelu": ("leaky_relu", (0.01,)),
    "sigmoid": ("sigmoid", ()),
    "softplus": ("softplus", ()),
    "softsign": ("softsign", ()),
    "tanh": ("tanh", ()),
}


@dataclass(frozen=True, slots=True)
class Functions:
    """Of the gates, of what enters the cell, and of what leaves it."""

    gate: Op
    enter: Op
    leave: Op


def read_functions(call: Call, names: list[str]) -> Functions:
    """Functions by their names in lower case; alphas and betas are handed to those that have some, in order."""
    alphas, betas = ([float(v) for v in call.numbers(f"activation_{part}", np.zeros(0))] for part in ("alpha", "beta"))
    return Functions(*(_function(call, name, alphas, betas) for name in names[:3]))


def _function(call: Call, name: str, alphas: list[float], betas: list[float]) -> Op:
    if name == "relu":
        return Clamp(Bounds(low=0.0))
    if name not in _UNARIES:
        call.refuse(f"activation {name}; supported are relu, {', '.join(_UNARIES)}")
    function, defaults = _UNARIES[name]
    given = [values.pop(0) if values else default for values, default in zip((alphas, betas), defaults, strict=False)]
    if not np.isfinite(np.array(given, np.float32)).all():
        call.malformed(f"parameters {given} of {name}")
    return Unary(function, *(given if function != "elu" else (*given, 1.0)))


def lstm(layer: Layer, x: str, first: tuple[str, str], peepholes: NDArray[np.float32], functions: Functions) -> States:
    """Gates i, f, g, o; `first` are h and c before the first step, `peepholes` `[3, H]` of i, f, o."""
    sums = layer.sums(x)
    steps, batch, width = layer.builder.tensor(sums).shape
    shape, (h, c) = (batch, layer.cells), first
    weights, holes = layer.constant("r", spread(layer.r)), [layer.constant("p", p) for p in peepholes]
    states: list[str] = []
    for t in range(steps)[:: -1 if layer.reverse else 1]:
        row = layer.reshape(layer.emit(Slice((t, 0, 0), (1, 1, 1)), (sums,), (1, batch, width)), (batch, width))
        total = layer.emit(Add(), (row, layer.emit(Dense(), (h, weights), (batch, width))), (batch, width))
        i, f, g, o = (layer.emit(Slice((0, k * (width // GATES)), (1, 1)), (total,), shape) for k in range(GATES))
        i, f = (
            layer.emit(functions.gate, (_peeped(layer, v, c, p),), shape) for v, p in ((i, holes[0]), (f, holes[1]))
        )
        entering = _product(layer, i, layer.emit(functions.enter, (g,), shape), shape)
        c = layer.emit(Add(), (_product(layer, f, c, shape), entering), shape)
        o = layer.emit(functions.gate, (_peeped(layer, o, c, holes[2]),), shape)
        h = _product(layer, o, layer.emit(functions.leave, (c,), shape), shape)
        states.append(layer.reshape(h, (1, *shape)))
    return States(_stacked(layer, states[:: -1 if layer.reverse else 1]), h, c)


def _product(layer: Layer, a: str, b: str, shape: Shape) -> str:
    return layer.emit(Binary("mul"), (a, b), shape)


def _peeped(layer: Layer, gate: str, c: str, hole: str) -> str:
    """A gate that also sees the cell, unless its peephole is closed."""
    value, shape = layer.builder.tensor(hole).constant, layer.builder.tensor(c).shape
    if value is None or not value.any():
        return gate
    return layer.emit(Add(), (gate, _product(layer, c, hole, shape)), shape)


def _stacked(layer: Layer, parts: list[str]) -> str:
    """One behind the other along the first axis."""
    while len(parts) > 1:
        groups = [parts[i : i + MAX_INPUTS] for i in range(0, len(parts), MAX_INPUTS)]
        parts = [_concat(layer, group) for group in groups]
    return parts[0]


def _concat(layer: Layer, parts: list[str]) -> str:
    shapes = [layer.builder.tensor(part).shape for part in parts]
    return layer.emit(Concat(0), tuple(parts), (sum(s[0] for s in shapes), *shapes[0][1:]))
