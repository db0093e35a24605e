"""bilinear: images of integers scaled as TFLite's RESIZE_BILINEAR does, every pixel between four."""

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

__all__ = ["CODES", "ONE", "Bilinear", "lower"]

type Array = NDArray[Any]

ONE = 1024  # the whole way from one pixel to the next


@dataclass(frozen=True, slots=True)
class Bilinear(Op):
    """Inputs x, and for every row and column of the result i32 `[n, 3]`, constant: two of x, and the part between."""


def lower(low: Lowering, node: Node, _op: Bilinear) -> Step:
    x, rows, columns = (low.source(name) for name in node.inputs)
    y = low.graph.tensors[node.output]
    if y.dtype != "i8":
        raise low.impossible(node)
    return Step("bilinear_q8", node, {"x": x, "rows": rows, "columns": columns, "y": y.name}, macs=y.size * 4)


def _check(v: View) -> None:
    x, y = v.tensor["x"], v.tensor["y"]
    v.dtypes(x="i8", y="i8")
    v.whole("x")
    v.need(len(x.dims) == len(y.dims) == 4, f"x {x.dims} or y {y.dims} is not of rank 4")
    v.need((x.dims[0], x.dims[3]) == (y.dims[0], y.dims[3]), "x and y differ in batch or channels")
    for axis, name in ((1, "rows"), (2, "columns")):
        v.packed(name, "i32", y.dims[axis] * 12)
        first, second, part = v.numbers(name).reshape(-1, 3).T
        inside = all(bool(((i >= 0) & (i < x.dims[axis])).all()) for i in (first, second))
        v.need(inside and bool(((part >= 0) & (part <= ONE)).all()), f"{name} are out of range")


def _value(m: Machine, op: PlanOp) -> Array:
    x, y = m.get(op, "x").astype(np.int64), m.tensor(op, "y")
    for axis, name in ((1, "rows"), (2, "columns")):
        first, second, part = m.vector(op, name, y.dims[axis] * 3).reshape(-1, 3).T.astype(np.int64)
        p = part.reshape([-1 if i == axis else 1 for i in range(4)])
        x = x.take(first, axis) * (ONE - p) + x.take(second, axis) * p
    half = ONE**2 // 2
    return np.asarray(np.sign(x) * ((np.abs(x) + half) // ONE**2))


CODES = (opcode(41, "bilinear_q8", "*x *rows *columns *y", _check, _value),)
