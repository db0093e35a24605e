"""CumSum."""

import numpy as np

from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.ops import Dense

__all__ = ["cum_sum"]

MAX_CUMULATED = 2048  # a matrix of its square


def cum_sum(call: Call) -> str:
    """Products with a triangle of ones, along the last axis."""
    x, where = call.real(0), call.constant(1)
    axis = call.axis(int(where.reshape(-1)[0]) if where.size == 1 else len(x.shape), len(x.shape))
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
