"""resample: weighted sums of a few neighbours along one axis: what an image is scaled by."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step, constant_of
from edgefn.graph.ir import Node, Op
from edgefn.graph.opcode import opcode
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine
from edgefn.graph.view import View

__all__ = ["CODES", "Resample", "lower"]

MAX_TAPS = 4096


@dataclass(frozen=True, slots=True)
class Resample(Op):
    """Inputs x, index i32 `[length, taps]`, weight f32 `[length, taps]`, both constant."""

    axis: int

    def before(self, perm: tuple[int, ...]) -> "Resample":
        return Resample(perm[self.axis])


def lower(low: Lowering, node: Node, op: Resample) -> Step:
    (x, index, _), y = low.operands(node)
    taps = constant_of(index).shape[1]
    sources = dict(zip(("x", "index", "weight"), map(low.source, node.inputs), strict=True))
    values = {**sources, "y": y.name, "axis": op.axis, "taps": taps}
    return Step(f"resample_{x.dtype}", node, values, macs=y.size * taps)


def _check(v: View) -> None:
    x, y, axis, taps = v.tensor["x"], v.tensor["y"], v.op["axis"], v.op["taps"]
    v.dtypes(x="f32", y="f32")
    v.whole("x")
    v.need(axis < len(x.dims), f"axis {axis} of rank {len(x.dims)}")
    others = x.dims[:axis] == y.dims[:axis] and x.dims[axis + 1 :] == y.dims[axis + 1 :]
    v.need(len(x.dims) == len(y.dims) and others, f"x {x.dims} and y {y.dims} differ outside axis {axis}")
    v.need(1 <= taps <= MAX_TAPS, f"{taps} taps")
    v.packed("index", "i32", y.dims[axis] * taps * 4)
    v.packed("weight", "f32", y.dims[axis] * taps * 4)
    index = v.numbers("index")
    v.need(bool((index >= 0).all() and (index < x.dims[axis]).all()), "an index is outside x")


def _value(m: Machine, op: PlanOp) -> NDArray[Any]:
    axis, taps, length = op["axis"], op["taps"], m.tensor(op, "y").dims[op["axis"]]
    x = np.moveaxis(m.get(op, "x"), axis, -1)
    index, weight = (m.vector(op, name, length * taps).reshape(length, taps) for name in ("index", "weight"))
    total = x[..., index[:, 0]] * weight[:, 0]
    for t in range(1, taps):
        total += x[..., index[:, t]] * weight[:, t]
    return np.moveaxis(total, -1, axis)


CODES = (opcode(40, "resample_f32", "*x *index *weight *y axis taps", _check, _value),)
