"""flip_sign: u8 to i8 or back, by adding 128 modulo 256."""

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

__all__ = ["CODES", "FlipSign", "lower"]


@dataclass(frozen=True, slots=True)
class FlipSign(Op):
    pass


def lower(low: Lowering, node: Node, _op: FlipSign) -> Step:
    return low.unary(node, "flip_sign")


def _check(v: View) -> None:
    pair = {v.tensor["x"].dtype, v.tensor["y"].dtype}
    v.need(pair == {"i8", "u8"}, "x and y are not one u8 and one i8")
    v.equal_sizes()


def _value(m: Machine, op: PlanOp) -> NDArray[Any]:
    return (m.get(op, "x").view(np.uint8) ^ np.uint8(128)).view(m.get(op, "y").dtype)


CODES = (opcode(19, "flip_sign", "*x *y", _check, _value, in_place="x"),)
