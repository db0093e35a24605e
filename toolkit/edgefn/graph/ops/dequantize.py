"""dequantize: the integers of the input's quantization to f32."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step, scalar_of
from edgefn.graph.ir import Node, Op
from edgefn.graph.opcode import opcode
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine
from edgefn.graph.view import View

__all__ = ["CODES", "Dequantize", "lower"]


@dataclass(frozen=True, slots=True)
class Dequantize(Op):
    pass


def lower(low: Lowering, node: Node, _op: Dequantize) -> Step:
    x = low.graph.tensors[node.inputs[0]]
    if x.dtype != "i8":
        raise low.impossible(node)
    scale, zero = scalar_of(x)
    return low.unary(node, "dequantize_i8_f32", scale=scale, x_zero=zero)


def _check(v: View) -> None:
    v.dtypes(x="i8", y="f32")
    v.equal_sizes()


def _value(m: Machine, op: PlanOp) -> NDArray[Any]:
    difference = (m.get(op, "x").astype(np.int32) - op["x_zero"]).astype(np.float32)
    return np.asarray(difference * np.float32(op["scale"]))


CODES = (opcode(17, "dequantize_i8_f32", "*x *y .scale x_zero:i8", _check, _value),)
