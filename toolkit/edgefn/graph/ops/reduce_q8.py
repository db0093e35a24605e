"""reduce_q8: the sum or the mean of i8 numbers along some axes, in TFLite's fixed point."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step, scalar_of
from edgefn.graph.ir import Node, Op
from edgefn.graph.opcode import opcode
from edgefn.graph.ops.fixed import MAX_SHIFT, MIN_SHIFT, end, multiplier_of, scaled
from edgefn.graph.ops.reduce import check_reduced, span_of
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine
from edgefn.graph.view import View

__all__ = ["CODES", "ReduceQ8", "lower"]

type Array = NDArray[Any]

MAX_SUMMED = 1 << 23  # their sum fits in 32 bits


@dataclass(frozen=True, slots=True)
class ReduceQ8(Op):
    """Along `axes`, which stay with a length of 1."""

    axes: tuple[int, ...]
    mean: bool


def lower(low: Lowering, node: Node, op: ReduceQ8) -> Step:
    (x,), y = low.operands(node)
    span = span_of(x.shape, op.axes)
    if not low.fixed or {x.dtype, y.dtype} != {"i8"} or span is None or span[0] > MAX_SUMMED:
        raise low.impossible(node)
    n, inner = span
    (x_scale, x_zero), (y_scale, y_zero) = scalar_of(x), scalar_of(y)
    mult, power = multiplier_of(node, x_scale / y_scale)
    if op.mean:
        mult, power = _divided(mult, power, prod(x.shape[a] for a in op.axes))
    values = {"n": n, "inner": inner, "factor": mult, "power": power, "x_zero": x_zero, "y_zero": y_zero}
    return low.unary(node, "reduce_q8", **values)


def _divided(mult: int, power: int, n: int) -> tuple[int, int]:
    """A factor by n, as TFLite divides it: with as many bits as fit, the rest cut off."""
    bits = min(n.bit_length() - 1, 32, power - MIN_SHIFT)
    return (mult << bits) // n, power - bits


def _check(v: View) -> None:
    v.dtypes(x="i8", y="i8")
    v.need(v.op["n"] <= MAX_SUMMED, f"n is {v.op['n']:,}")
    v.need(v.op["factor"] < 2**31, f"factor is {v.op['factor']:,}")
    v.need(MIN_SHIFT <= v.op["power"] <= MAX_SHIFT, f"power is {v.op['power']}")
    check_reduced(v)


def _value(m: Machine, op: PlanOp) -> Array:
    x = m.get(op, "x").reshape(-1, op["n"], op["inner"]).astype(np.int64) - op["x_zero"]
    v = scaled(x.sum(axis=1).astype(np.int32), op["factor"], op["power"])
    return end(v, op["y_zero"], -128, 127).reshape(m.get(op, "y").shape)


CODES = (opcode(61, "reduce_q8", "*x *y n inner factor -power x_zero:i8 y_zero:i8", _check, _value),)
