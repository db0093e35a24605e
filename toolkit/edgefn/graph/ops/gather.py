"""gather: what lies at given indices along an axis; numpy's `take`."""

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

__all__ = ["CODES", "Gather", "lower"]

type Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Gather(Op):
    """Inputs x and i32 indices. An index outside is taken as the nearest inside."""

    axis: int

    def of(self, x: Array, indices: Array) -> Array:
        """What the op makes of arrays."""
        length = x.shape[self.axis]
        rows = np.where(indices < 0, indices.astype(np.int64) + length, indices)
        return np.take(x, np.clip(rows, 0, length - 1), self.axis)

    def before(self, perm: tuple[int, ...]) -> "Gather":
        return Gather(perm[self.axis])


def lower(low: Lowering, node: Node, op: Gather) -> Step:
    x, indices = (low.source(name) for name in node.inputs)
    return Step("gather", node, {"x": x, "indices": indices, "y": node.output, "axis": op.axis})


def _check(v: View) -> None:
    x, indices, y, axis = v.tensor["x"], v.tensor["indices"], v.tensor["y"], v.op["axis"]
    v.dtypes(indices="i32")
    v.need(x.dtype == y.dtype, "x and y differ in dtype")
    v.whole("x", "indices")
    v.need(axis < len(x.dims), f"axis {axis} of rank {len(x.dims)}")
    wanted = (*x.dims[:axis], *indices.dims, *x.dims[axis + 1 :])
    v.need(y.dims == wanted, f"y is {y.dims}, not {wanted}")


def _value(m: Machine, op: PlanOp) -> Array:
    return Gather(op["axis"]).of(m.get(op, "x"), m.get(op, "indices"))


CODES = (opcode(36, "gather", "*x *indices *y axis", _check, _value),)
