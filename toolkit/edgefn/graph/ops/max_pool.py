"""max_pool: the largest of what a window covers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step
from edgefn.graph.ir import Node, Op, Window
from edgefn.graph.opcode import opcode
from edgefn.graph.ops.windows import POOL_WORDS, check_window, taps_of, window_words
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine
from edgefn.graph.view import View

__all__ = ["CODES", "MaxPool", "check_pool", "lower"]


@dataclass(frozen=True, slots=True)
class MaxPool(Op):
    window: Window


def lower(low: Lowering, node: Node, op: MaxPool) -> Step:
    dtype = low.graph.tensors[node.output].dtype
    return low.unary(node, f"max_pool_{dtype}", **window_words(op.window, POOL_WORDS))


def check_pool(v: View) -> None:
    """Dtypes, the window and channels of a pool."""
    real = "f32" if v.name.endswith("_f32") else "i8"
    v.dtypes(x=real, y=real)
    check_window(v)
    v.need(v.tensor["x"].dims[3] == v.tensor["y"].dims[3], "x and y differ in channels")
    v.whole("x")


def _largest(m: Machine, op: PlanOp) -> NDArray[Any]:
    x = m.get(op, "x")
    least = -np.inf if x.dtype.kind == "f" else -128
    return np.asarray(taps_of(op, x, m.tensor(op, "y"), least).max(axis=3))


CODES = (
    opcode(11, "max_pool_f32", f"*x *y {POOL_WORDS}", check_pool, _largest),
    opcode(12, "max_pool_i8", f"*x *y {POOL_WORDS}", check_pool, _largest),
)
