"""CumSum."""

import numpy as np

from edgefn.graph.importers.onnx.arithmetic import as_dtype, combine
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.importers.padding import padded
from edgefn.graph.importers.spans import Span, sliced
from edgefn.graph.ir import Tensor
from edgefn.graph.ops import Dense

__all__ = ["cum_sum"]

MAX_CUMULATED = 2048  # a matrix of its square


def cum_sum(call: Call) -> str:
    """Of floats products with a triangle of ones along the last axis; of integers sums of ever more of them."""
    x, where = call.value(0), call.constant(1)
    axis = call.axis(int(where.reshape(-1)[0]) if where.size == 1 else len(x.shape), len(x.shape))
    return _triangle(call, call.real(0), axis) if x.dtype == "f32" else _doubled(call, x, axis)


def _doubled(call: Call, x: Tensor, axis: int) -> str:
    """After each step an element is the sum of twice as many: its own and what another has, as far away as those."""
    total = summand = as_dtype(call, x.name, "i32")
    n, reach = x.shape[axis], 1
    while reach < n:
        total = combine(call, "add", total, _shifted(call, call.scope.tensor(total), axis, reach))
        reach *= 2
    total = combine(call, "sub", total, summand) if call.attribute("exclusive", 0) else total
    return as_dtype(call, total, x.dtype)


def _shifted(call: Call, x: Tensor, axis: int, by: int) -> str:
    """Elements further along an axis, or back, with zeros where none come from."""
    back = bool(call.attribute("reverse", 0))
    spans, widths = [Span(0, 1, d) for d in x.shape], [(0, 0)] * len(x.shape)
    spans[axis] = Span(by if back else 0, 1, x.shape[axis] - by)
    widths[axis] = (0, by) if back else (by, 0)
    return padded(call, call.scope.tensor(sliced(call, x, spans)), widths, 0)


def _triangle(call: Call, x: Tensor, axis: int) -> str:
    n = x.shape[axis]
    if n > MAX_CUMULATED:
        call.refuse(f"{n:,} numbers are summed up; up to {MAX_CUMULATED:,} is supported")
    ones = np.tril(np.ones((n, n), np.float32), -1 if call.attribute("exclusive", 0) else 0)
    ones = ones[::-1, ::-1].copy() if call.attribute("reverse", 0) else ones
    there = (*(i for i in range(len(x.shape)) if i != axis), axis)
    moved = call.transpose(x.name, there)
    weights = call.scope.constant(f"{call.node.label}.ones", ones)
    y = call.emit(Dense(), (moved, weights), call.scope.tensor(moved).shape)
    return call.transpose(y, tuple(int(i) for i in np.argsort(there)))
