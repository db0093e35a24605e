"""quantize: f32 to the integers of the output's quantization."""

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

__all__ = ["CODES", "Quantize", "lower"]


@dataclass(frozen=True, slots=True)
class Quantize(Op):
    pass


def lower(low: Lowering, node: Node, _op: Quantize) -> Step:
    scale, zero = scalar_of(low.graph.tensors[node.output])
    return low.unary(node, "quantize_f32_i8", inverse_scale=factor(node, 1, scale), y_zero=zero)


def _check(v: View) -> None:
    v.dtypes(x="f32", y="i8")
    v.equal_sizes()


def _value(m: Machine, op: PlanOp) -> NDArray[Any]:
    v = m.get(op, "x") * np.float32(op["inverse_scale"])
    known = saturate(np.nan_to_num(v, posinf=np.inf, neginf=-np.inf), op["y_zero"], -128, 127)
    return np.where(np.isnan(v), op["y_zero"], known)


CODES = (opcode(16, "quantize_f32_i8", "*x *y .inverse_scale y_zero:i8", _check, _value),)
