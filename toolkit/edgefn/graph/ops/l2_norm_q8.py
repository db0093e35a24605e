"""l2_norm_q8: rows of i8 of length one, in TFLite's fixed point."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step, scalar_of
from edgefn.graph.ir import Node, Op
from edgefn.graph.opcode import opcode
from edgefn.graph.ops.fixed import end, inverse_root, scaled
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine
from edgefn.graph.view import View

__all__ = ["CODES", "MAX_ROW", "Y_SCALE", "L2NormQ8", "lower"]

type Array = NDArray[Any]

MAX_ROW = 1 << 15  # the sum of its squares fits in 31 bits
Y_SCALE = (1 / 128, 0)  # what comes out, and its zero point
_SCALE_BITS = 7


@dataclass(frozen=True, slots=True)
class L2NormQ8(Op):
    """Over the last dimension; the output has Y_SCALE."""


def lower(low: Lowering, node: Node, _op: L2NormQ8) -> Step:
    (x,), y = low.operands(node)
    if scalar_of(y) != Y_SCALE or not low.fixed or y.shape[-1] > MAX_ROW:
        raise low.impossible(node)
    return low.unary(node, "l2_norm_q8", x_zero=scalar_of(x)[1])


def _check(v: View) -> None:
    v.dtypes(x="i8", y="i8")
    v.equal_sizes()
    v.need(v.tensor["x"].last == v.tensor["y"].last <= MAX_ROW, "rows differ or are too long")


def _value(m: Machine, op: PlanOp) -> Array:
    x = m.get(op, "x").reshape(-1, m.tensor(op, "x").last).astype(np.int64) - op["x_zero"]
    roots = [inverse_root(int(total)) for total in (x * x).sum(axis=1)]
    rows = [scaled(row, mult, shift + _SCALE_BITS) for row, (mult, shift) in zip(x, roots, strict=True)]
    return end(np.array(rows), 0, -128, 127)


CODES = (opcode(62, "l2_norm_q8", "*x *y x_zero:i8", _check, _value, in_place="x"),)
