"""requantize: i8 of one quantization to i8 of another."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step, factor, scalar_of
from edgefn.graph.ir import Node, Op
from edgefn.graph.opcode import opcode
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine, saturate
from edgefn.graph.view import View

__all__ = ["CODES", "Requantize", "lower"]


@dataclass(frozen=True, slots=True)
class Requantize(Op):
    pass


def lower(low: Lowering, node: Node, _op: Requantize) -> Step:
    (x,), y = low.operands(node)
    (x_scale, x_zero), (y_scale, y_zero) = scalar_of(x), scalar_of(y)
    return low.unary(node, "requantize_i8", mult=factor(node, x_scale, y_scale), x_zero=x_zero, y_zero=y_zero)


def _check(v: View) -> None:
    v.dtypes(x="i8", y="i8")
    v.equal_sizes()


def _value(m: Machine, op: PlanOp) -> NDArray[Any]:
    v = (m.get(op, "x").astype(np.int32) - op["x_zero"]).astype(np.float32) * np.float32(op["mult"])
    return saturate(v, op["y_zero"], -128, 127)


CODES = (opcode(18, "requantize_i8", "*x *y .mult x_zero:i8 y_zero:i8", _check, _value, in_place="x"),)
