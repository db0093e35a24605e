"""gru: gated recurrent unit, from the sums that a dense layer has made of all inputs."""

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Packed, Step, constant_of
from edgefn.graph.ir import Node, Op
from edgefn.graph.opcode import opcode
from edgefn.graph.ops.pack import LANES, pack_vector, round_up
from edgefn.graph.ops.recurrent import check_recurrence, operands, pack_gates, recur, scratch_bytes, sigmoid, walk
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine
from edgefn.graph.view import View

__all__ = ["CODES", "Gru", "lower"]

type Array = NDArray[np.float64]

GATES = 3


@dataclass(frozen=True, slots=True)
class Gru(Op):
    """Inputs: sums `[T, B, 3 * r8(H)]`, h `[B, H]`, constants r `[3, H, H]` and bias `[H]`, the recurrence of n's.

    The gates are z, r, n. The output is h `[T, B, H]`. `linear` resets what the recurrence of n has summed up, else the
    state that goes into it.
    """

    linear: bool
    reverse: bool = False


def lower(low: Lowering, node: Node, op: Gru) -> Step:
    (x, h, r, bias), y = low.operands(node)
    values = {
        "x": low.source(x.name),
        "h": low.source(h.name),
        "y": y.name,
        "r": Packed("f32", r.shape, pack_gates(constant_of(r))),
        "bias": Packed("f32", bias.shape, pack_vector(constant_of(bias))),
        "linear": int(op.linear),
        "reverse": int(op.reverse),
    }
    macs = prod(x.shape[:2]) * r.size
    return Step("gru_f32", node, values, scratch=scratch_bytes(GATES, h.shape[-1]), macs=macs)


def _check(v: View) -> None:
    check_recurrence(v, GATES)
    v.packed("bias", "f32", round_up(v.tensor["h"].dims[-1], LANES) * 4)


def _scratch(m: Machine, op: PlanOp) -> int:
    return scratch_bytes(GATES, m.tensor(op, "h").dims[-1])


def _value(m: Machine, op: PlanOp) -> Array:
    x, h, r = operands(m, op, GATES)
    bias = m.vector(op, "bias", h.shape[-1]).astype(np.float64)

    def step(x: Array, h: Array) -> Array:
        z, reset = np.moveaxis(sigmoid(recur(x[:, :2], r[:2], h)), 1, 0)
        inner = reset * (h @ r[2].T + bias) if op["linear"] else (reset * h) @ r[2].T + bias
        return np.asarray((1 - z) * np.tanh(x[:, 2] + inner) + z * h)

    return walk(op, x, h, step)


CODES = (
    opcode(43, "gru_f32", "*x *h *r *bias *y linear:flag reverse:flag @scratch", _check, _value, scratch=_scratch),
)
