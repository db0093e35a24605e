"""layer_norm: rows taken to mean 0 and variance 1, then scaled and moved element by element."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step
from edgefn.graph.ir import Node, Op
from edgefn.graph.opcode import opcode
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine
from edgefn.graph.view import View

__all__ = ["CODES", "LayerNorm", "lower"]

type Array = NDArray[Any]

PARTS = 16


@dataclass(frozen=True, slots=True)
class LayerNorm(Op):
    """Inputs x, gamma and beta; a row of x has as many elements as gamma. Not `centred`, it is the RMS form."""

    epsilon: float
    centred: bool = True


def lower(low: Lowering, node: Node, op: LayerNorm) -> Step:
    gamma, beta = (low.source(name) for name in node.inputs[1:])
    epsilon = float(np.float32(op.epsilon))
    return low.unary(node, "layer_norm_f32", gamma=gamma, beta=beta, epsilon=epsilon, centred=int(op.centred))


def _check(v: View) -> None:
    v.dtypes(x="f32", gamma="f32", beta="f32", y="f32")
    v.equal_sizes()
    v.whole("gamma", "beta")
    gamma, beta, x = (v.tensor[name].size for name in ("gamma", "beta", "x"))
    v.need(gamma == beta and x % gamma == 0, f"{gamma} gammas and {beta} betas for {x} elements")


def _total(rows: Array) -> Array:
    """The sum of each row in sixteen parts, in the order of the engine."""
    full = np.zeros((len(rows), -(-rows.shape[1] // PARTS) * PARTS), np.float32)
    full[:, : rows.shape[1]] = rows
    parts = np.zeros((len(rows), PARTS), np.float32)
    for at in range(0, full.shape[1], PARTS):
        parts += full[:, at : at + PARTS]
    four = (parts[:, :4] + parts[:, 4:8]) + (parts[:, 8:12] + parts[:, 12:])
    return np.asarray((four[:, 0] + four[:, 1]) + (four[:, 2] + four[:, 3]))


def _value(m: Machine, op: PlanOp) -> Array:
    gamma, beta = m.get(op, "gamma").reshape(-1), m.get(op, "beta").reshape(-1)
    rows, n = m.get(op, "x").reshape(-1, gamma.size), np.float32(gamma.size)
    nothing = np.zeros(len(rows), np.float32)
    mean = _total(rows) / n if op["centred"] else nothing
    d = rows - mean[:, None]
    shift = _total(d) / n if op["centred"] else nothing
    variance = np.maximum(_total(d * d) / n - shift * shift, 0).astype(np.float64)
    scale = (1 / np.sqrt(variance + op["epsilon"])).astype(np.float32)
    return np.asarray((d - shift[:, None]) * scale[:, None] * gamma + beta)


CODES = (
    opcode(50, "layer_norm_f32", "*x *gamma *beta *y epsilon:not_negative centred:flag", _check, _value, in_place="x"),
)
