"""rnn: a recurrent layer of one gate, from the sums that a dense layer has made of all inputs."""

from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Packed, Step, constant_of
from edgefn.graph.ir import Node, Op
from edgefn.graph.opcode import opcode
from edgefn.graph.ops.recurrent import check_recurrence, operands, pack_gates, recur, scratch_bytes, walk
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine
from edgefn.graph.view import View

__all__ = ["CODES", "FUNCTIONS", "Rnn", "lower"]

FUNCTIONS = ("tanh", "relu")  # as docs/spec/plan.md numbers them


@dataclass(frozen=True, slots=True)
class Rnn(Op):
    """Inputs: sums `[T, B, r8(H)]`, h `[B, H]` and the constant r `[1, H, H]`; the output is h `[T, B, H]`."""

    function: Literal["tanh", "relu"] = "tanh"
    reverse: bool = False


def lower(low: Lowering, node: Node, op: Rnn) -> Step:
    (x, h, r), y = low.operands(node)
    values = {
        "x": low.source(x.name),
        "h": low.source(h.name),
        "y": y.name,
        "r": Packed("f32", r.shape, pack_gates(constant_of(r))),
        "function": FUNCTIONS.index(op.function),
        "reverse": int(op.reverse),
    }
    macs = prod(x.shape[:2]) * r.size
    return Step("rnn_f32", node, values, scratch=scratch_bytes(1, h.shape[-1]), macs=macs)


def _check(v: View) -> None:
    check_recurrence(v, 1)
    v.need(v.op["function"] < len(FUNCTIONS), f"function is {v.op['function']}")


def _scratch(m: Machine, op: PlanOp) -> int:
    return scratch_bytes(1, m.tensor(op, "h").dims[-1])


def _value(m: Machine, op: PlanOp) -> NDArray[np.float64]:
    x, h, r = operands(m, op, 1)
    function = (np.tanh, lambda v: np.maximum(v, 0))[op["function"]]
    return walk(op, x, h, lambda x, h: function(recur(x, r, h)[:, 0]))


CODES = (opcode(52, "rnn_f32", "*x *h *r *y function reverse:flag @scratch", _check, _value, scratch=_scratch),)
