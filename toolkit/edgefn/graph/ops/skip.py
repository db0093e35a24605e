"""skip: how many of the ops that follow are left out, by a condition; no node is one, the lowering puts it in."""

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.opcode import opcode
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine
from edgefn.graph.view import View

__all__ = ["CODES"]


def _check(v: View) -> None:
    v.dtypes(cond="u8", y="i32")
    v.whole("cond")
    v.need(v.tensor["cond"].size == 1 and v.tensor["y"].size == 1, "cond or y has more than one element")
    v.need(1 <= v.op["count"] <= v.following, f"{v.op['count']} of the {v.following} ops that follow")


def _value(m: Machine, op: PlanOp) -> NDArray[np.int32]:
    holds = bool(m.get(op, "cond").reshape(())) == bool(op["expected"])
    return np.full((), op["count"] if holds else 0, np.int32)


CODES = (opcode(49, "skip", "*cond *y expected:flag count", _check, _value, skips=True),)
