"""topk: where the largest or smallest few numbers of every row lie."""

from dataclasses import dataclass

import numpy as np

from edgefn.graph.draft import Lowering, Step
from edgefn.graph.ir import Node, Op
from edgefn.graph.opcode import opcode
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine
from edgefn.graph.view import View

__all__ = ["CODES", "TopK", "lower"]


@dataclass(frozen=True, slots=True)
class TopK(Op):
    """Along the last dimension; how many says the output's shape. Of equal ones the first comes first."""

    smallest: bool = False


def lower(low: Lowering, node: Node, op: TopK) -> Step:
    return low.unary(node, "topk", smallest=int(op.smallest))


def _check(v: View) -> None:
    x, y = v.tensor["x"], v.tensor["y"]
    v.dtypes(y="i32")
    v.need(x.dtype in {"f32", "i32"}, f"x is {x.dtype}")
    v.whole("x")
    v.need(len(x.dims) > 0 and len(y.dims) > 0 and y.dims[-1] <= x.dims[-1], f"{y.dims} of {x.dims}")
    v.need(x.size // x.dims[-1] == y.size // y.dims[-1], "x and y differ in rows")


def _value(m: Machine, op: PlanOp) -> "np.ndarray[tuple[int, ...], np.dtype[np.int64]]":
    x, y = m.get(op, "x"), m.tensor(op, "y")
    # NaN goes to the end; a stable sort keeps equal ones in order.
    ranks = np.nan_to_num(x.astype(np.float64), nan=np.inf if op["smallest"] else -np.inf)
    order = np.argsort(ranks if op["smallest"] else -ranks, axis=-1, kind="stable")
    return order[..., : y.dims[-1]].reshape(y.dims)


CODES = (opcode(51, "topk", "*x *y smallest:flag", _check, _value),)
