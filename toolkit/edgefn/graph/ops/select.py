"""select: a where a condition holds, else b; all three broadcast against each other."""

from dataclasses import dataclass

import numpy as np

from edgefn.graph.draft import Lowering, Step
from edgefn.graph.ir import Node, Op
from edgefn.graph.opcode import opcode
from edgefn.graph.ops.broadcast import check_broadcast
from edgefn.graph.view import View

__all__ = ["CODES", "Select", "lower"]


@dataclass(frozen=True, slots=True)
class Select(Op):
    """Inputs cond (u8), a and b."""

    def before(self, perm: tuple[int, ...]) -> "Select":
        return self


def lower(low: Lowering, node: Node, _op: Select) -> Step:
    cond, a, b = (low.source(name) for name in node.inputs)
    return Step("select", node, {"cond": cond, "a": a, "b": b, "y": node.output})


def _check(v: View) -> None:
    dtype = v.tensor["y"].dtype
    v.dtypes(cond="u8", a=dtype, b=dtype)
    check_broadcast(v, "cond", "a", "b")


CODES = (
    opcode(
        32,
        "select",
        "*cond *a *b *y",
        _check,
        lambda m, op: np.where(m.get(op, "cond"), m.get(op, "a"), m.get(op, "b")),
        in_place="cond a b",
    ),
)
