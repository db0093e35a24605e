"""dynamic: the scale and zero point of what a tensor happens to hold, and the integers they make of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step
from edgefn.graph.ir import Node, Op
from edgefn.graph.opcode import opcode
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine, saturate
from edgefn.graph.view import View

__all__ = ["CODES", "DynamicQuantize", "DynamicRange", "check_range", "lower_quantize", "lower_range", "zero_of"]

type Array = NDArray[Any]

STEPS = 255


@dataclass(frozen=True, slots=True)
class DynamicRange(Op):
    """Input x; gives f32 `[2]`, the scale and the zero point of u8."""


@dataclass(frozen=True, slots=True)
class DynamicQuantize(Op):
    """Inputs x and its range; gives i8, 128 below u8."""


def lower_range(low: Lowering, node: Node, _op: DynamicRange) -> Step:
    return low.unary(node, "dynamic_range_f32")


def lower_quantize(low: Lowering, node: Node, _op: DynamicQuantize) -> Step:
    return low.unary(node, "dynamic_quantize_f32_i8", range=low.source(node.inputs[1]))


def check_range(v: View, name: str) -> None:
    """Need a scale and a zero point."""
    v.dtypes(**{name: "f32"})
    v.whole(name)
    v.need(v.tensor[name].size == 2, f"{name} has {v.tensor[name].size} elements, not 2")


def zero_of(scale_and_zero: Array) -> int:
    """The zero point of i8 in a range; what is none counts as 0."""
    zero = float(scale_and_zero.reshape(-1)[1])
    return int(zero) - 128 if 0 <= zero <= STEPS else -128


def _check_range_op(v: View) -> None:
    v.dtypes(x="f32")
    v.whole("x")
    check_range(v, "y")


def _check_quantize(v: View) -> None:
    v.dtypes(x="f32", y="i8")
    v.equal_sizes()
    check_range(v, "range")


def _range(m: Machine, op: PlanOp) -> Array:
    x = m.get(op, "x")
    least, most = np.fmin.reduce(x, axis=None, initial=0), np.fmax.reduce(x, axis=None, initial=0)
    scale = np.float32(1) if least == most else np.float32(most - least) / np.float32(STEPS)
    zero = np.nan_to_num(-(least / scale), nan=0, posinf=np.inf)
    return np.array([scale, np.rint(np.clip(zero, 0, STEPS))], np.float32)


def _quantize(m: Machine, op: PlanOp) -> Array:
    steps = m.get(op, "range").reshape(-1)
    zero = zero_of(steps)
    v = m.get(op, "x") / steps[0]
    known = saturate(np.nan_to_num(v, posinf=np.inf, neginf=-np.inf), zero, -128, 127)
    return np.where(np.isnan(v), zero, known)


CODES = (
    opcode(46, "dynamic_range_f32", "*x *y", _check_range_op, _range),
    opcode(47, "dynamic_quantize_f32_i8", "*x *range *y", _check_quantize, _quantize),
)
