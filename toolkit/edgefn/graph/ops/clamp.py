"""clamp: min(max(x, low), high)."""

from dataclasses import dataclass

import numpy as np

from edgefn.graph.draft import Lowering, Step
from edgefn.graph.ir import Bounds, Node, Op
from edgefn.graph.opcode import opcode
from edgefn.graph.reference import clamp
from edgefn.graph.view import View

__all__ = ["CODES", "Clamp", "lower"]


@dataclass(frozen=True, slots=True)
class Clamp(Op):
    bounds: Bounds


def lower(low: Lowering, node: Node, op: Clamp) -> Step:
    y = low.graph.tensors[node.output]
    return low.unary(node, f"clamp_{y.dtype}", **low.bounds(op.bounds, y))


def _check(v: View) -> None:
    real = v.name.removeprefix("clamp_")
    v.dtypes(x=real, y=real)
    v.equal_sizes()


CODES = (
    opcode(
        13, "clamp_f32", "*x *y low:bound high:bound", _check, lambda m, op: clamp(m.get(op, "x"), op), in_place="x"
    ),
    opcode(
        14,
        "clamp_i8",
        "*x *y low:i8 high:i8",
        _check,
        lambda m, op: np.clip(m.get(op, "x"), op["low"], op["high"]),
        in_place="x",
    ),
)
