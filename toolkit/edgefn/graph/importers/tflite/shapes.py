"""What is known when the model is compiled: SHAPE, RANK, RANGE, FILL, ZEROS_LIKE."""

from math import ceil

import numpy as np

from edgefn.graph.importers.bounds import MAX_FOLDED, MAX_RANK
from edgefn.graph.importers.spans import Span, sliced
from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.ir import NUMPY, RUNTIME

__all__ = ["fill", "range_", "rank", "shape", "zeros_like"]


def shape(call: Call) -> str:
    if call.output.dtype not in {"i32", "i64"}:
        call.malformed(f"it gives {call.output.dtype}")
    return call.scope.constant(call.label, np.array(call.input(0).shape, NUMPY[call.output.dtype]))


def rank(call: Call) -> str:
    return call.scope.constant(call.label, np.array(len(call.input(0).shape), np.int32))


def range_(call: Call) -> str:
    """Constant start, limit and delta."""
    start, limit, delta = (call.constant(i).reshape(-1) for i in range(3))
    if not start.size == limit.size == delta.size == 1 or delta[0] == 0:
        call.malformed(f"a range from {start} to {limit} in steps of {delta}")
    span = (float(limit[0]) - float(start[0])) / float(delta[0])
    if not 0 <= span <= MAX_FOLDED:
        call.malformed(f"a range of {span:g} elements")
    call.scope.graph.allowance.demand((ceil(span),))
    return call.scope.constant(call.label, (start[0] + np.arange(ceil(span)) * delta[0]).astype(start.dtype))


def fill(call: Call) -> str:
    """A constant shape, and a value that may be computed at run time."""
    dims, value = tuple(call.integers(0)), call.value(1)
    if value.size != 1 or len(dims) > MAX_RANK or min(dims, default=1) < 1:
        call.malformed(f"{value.shape} to {dims}")
    call.scope.check_size(call.label, dims)
    one = call.scope.tensor(call.reshape(value.name, (1,) * len(dims)))
    if one.constant is not None:
        call.scope.graph.allowance.demand(dims)
        return call.scope.constant(call.label, np.full(dims, one.constant.reshape(())), one.quantization)
    return sliced(call, one, [Span(0, 0, d) for d in dims])


def zeros_like(call: Call) -> str:
    x = call.input(0)
    call.scope.check_size(call.label, x.shape)
    call.scope.graph.allowance.demand(x.shape)
    zero = x.quantization.scalar[1] if x.quantization else 0
    return call.scope.constant(call.label, np.full(x.shape, zero, NUMPY[RUNTIME[x.dtype]]), x.quantization)
