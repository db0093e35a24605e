"""lstm: long short-term memory, from the sums that a dense layer has made of all inputs."""

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Packed, Step, constant_of
from edgefn.graph.ir import OPEN, Bounds, Node, Op
from edgefn.graph.opcode import opcode
from edgefn.graph.ops.pack import LANES, round_up
from edgefn.graph.ops.recurrent import (
    check_recurrence,
    operands,
    pack_gates,
    recur,
    scratch_bytes,
    sigmoid,
    spread,
    walk,
)
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine
from edgefn.graph.view import View

__all__ = ["CODES", "Lstm", "head", "lower"]

GATES = 4


@dataclass(frozen=True, slots=True)
class Lstm(Op):
    """Inputs: sums `[T, B, 4 * r8(H)]`, h and c `[B, H]`, constants r `[4, H, H]` and peepholes `[3, H]` of i, f, o.

    The gates are i, f, g, o. The output is flat: c after the last step, filled up to `head`, then h `[T, B, H]`.
    `bounds` are those of c.
    """

    reverse: bool = False
    bounds: Bounds = OPEN


def head(batch: int, cells: int) -> int:
    """Elements of the output in front of h."""
    return round_up(batch * cells, 4)


def lower(low: Lowering, node: Node, op: Lstm) -> Step:
    (x, h, c, r, p), y = low.operands(node)
    peepholes = spread(constant_of(p))
    values = {
        **{name: low.source(t.name) for name, t in (("x", x), ("h", h), ("c", c))},
        "r": Packed("f32", r.shape, pack_gates(constant_of(r))),
        "p": Packed("f32", peepholes.shape, peepholes.tobytes()),
        "y": y.name,
        "reverse": int(op.reverse),
        **low.bounds(op.bounds, y),
    }
    macs = prod(x.shape[:2]) * r.size
    return Step("lstm_f32", node, values, scratch=scratch_bytes(GATES, h.shape[-1]), macs=macs)


def _check(v: View) -> None:
    h, c = v.tensor["h"], v.tensor["c"]
    cells = (h.dims or (1,))[-1]
    check_recurrence(v, GATES, round_up(h.size, 4))
    v.dtypes(c="f32")
    v.whole("c")
    v.need(c.size == h.size, "c is not as large as h")
    v.packed("p", "f32", 3 * round_up(cells, LANES) * 4)


def _scratch(m: Machine, op: PlanOp) -> int:
    return scratch_bytes(GATES, m.tensor(op, "h").dims[-1])


def _value(m: Machine, op: PlanOp) -> NDArray[np.float64]:
    x, h, r = operands(m, op, GATES)
    cells = h.shape[-1]
    c = m.get(op, "c").reshape(h.shape).astype(np.float64)
    p_i, p_f, p_o = m.vector(op, "p", 3 * round_up(cells, LANES)).reshape(3, -1)[:, :cells].astype(np.float64)

    def step(x: NDArray[np.float64], h: NDArray[np.float64]) -> NDArray[np.float64]:
        nonlocal c
        i, f, g, o = np.moveaxis(recur(x, r, h), 1, 0)
        c = np.clip(sigmoid(f + p_f * c) * c + sigmoid(i + p_i * c) * np.tanh(g), op["low"], op["high"])
        return np.asarray(sigmoid(o + p_o * c) * np.tanh(c))

    after = walk(op, x, h, step)
    return np.concatenate([c.reshape(-1), np.zeros(-c.size % 4), after.reshape(-1)])


CODES = (
    opcode(
        42, "lstm_f32", "*x *h *c *r *p *y reverse:flag low:bound high:bound @scratch", _check, _value, scratch=_scratch
    ),
)
