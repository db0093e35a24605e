"""coupling: probabilities of classes from those of pairs of classes, as libsvm has them."""

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step
from edgefn.graph.ir import Node, Op
from edgefn.graph.opcode import opcode
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine
from edgefn.graph.view import View

__all__ = ["CODES", "MAX_CLASSES", "Coupling", "lower"]

type Array = NDArray[Any]

MAX_CLASSES = 256
TOLERANCE = 0.005  # for all classes together


@dataclass(frozen=True, slots=True)
class Coupling(Op):
    """`[..., C * (C - 1) / 2]`, of class i against j in the order of `itertools.combinations`, to `[..., C]`."""


def lower(low: Lowering, node: Node, _op: Coupling) -> Step:
    y = low.graph.tensors[node.output]
    scratch = _scratch_bytes(y.shape[-1])
    return Step("coupling_f32", node, {"x": low.source(node.inputs[0]), "y": y.name}, scratch=scratch)


def _scratch_bytes(classes: int) -> int:
    return (classes * classes + 2 * classes) * 8


def _check(v: View) -> None:
    v.dtypes(x="f32", y="f32")
    v.whole("x")
    x, y = v.tensor["x"].dims or (1,), v.tensor["y"].dims or (1,)
    pairs, classes = x[-1], y[-1]
    v.need(2 <= classes <= MAX_CLASSES and pairs == classes * (classes - 1) // 2, f"{pairs} pairs of {classes} classes")
    v.need(v.tensor["x"].size // pairs == v.tensor["y"].size // classes, "x and y differ in rows")
    v.scratch(_scratch_bytes(classes))


def _scratch(m: Machine, op: PlanOp) -> int:
    return _scratch_bytes(m.tensor(op, "y").dims[-1])


def _value(m: Machine, op: PlanOp) -> Array:
    y, x = m.tensor(op, "y"), m.get(op, "x")
    return np.stack([_coupled(row, y.dims[-1]) for row in x.reshape(-1, x.shape[-1]).astype(np.float64).tolist()])


def _coupled(pairs: list[float], classes: int) -> Array:
    q, p = np.zeros((classes, classes)), np.full(classes, 1 / classes)
    for (i, j), over in zip(combinations(range(classes), 2), pairs, strict=True):
        under = 1 - over
        q[i, j] = q[j, i] = -under * over
        q[i, i] += under * under
        q[j, j] += over * over
    for _ in range(max(100, classes)):
        slope = np.array([_sum(row * p) for row in q])
        total = _sum(p * slope)
        if bool(np.all(np.abs(slope - total) < TOLERANCE / classes)):
            break
        for i in range(classes):
            d = (total - slope[i]) / q[i, i]
            p[i] += d
            total = (total + d * (d * q[i, i] + 2 * slope[i])) / (1 + d) / (1 + d)
            slope = (slope + d * q[i]) / (1 + d)
            p = p / (1 + d)
    return p


def _sum(terms: Array) -> Any:  # noqa: ANN401 -- a float of numpy
    """In order, as numpy's own sum is not."""
    return np.add.accumulate(terms)[-1]


CODES = (opcode(56, "coupling_f32", "*x *y @scratch", _check, _value, scratch=_scratch),)
