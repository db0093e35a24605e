"""What positions decide: OneHot and Trilu."""

import numpy as np

from edgefn.graph.importers.onnx.arithmetic import as_dtype, combine, number
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.ir import NUMPY
from edgefn.graph.ops import Cast, Select

__all__ = ["one_hot", "trilu"]


def one_hot(call: Call) -> str:
    """Constant depth and values; a negative index counts from the end, one that is outside is nowhere."""
    depth, values = call.whole(1), call.value(2)
    if values.constant is None or values.shape != (2,) or depth < 1:
        call.refuse(f"depth {depth} and values of shape {values.shape}; a constant pair is supported")
    x = call.scope.tensor(as_dtype(call, call.value(0).name, "i32"))
    axis = call.axis(call.attribute("axis", -1), len(x.shape) + 1)
    shape = (*x.shape[:axis], depth, *x.shape[axis:])
    call.scope.check_size(call.node.label, shape)
    below = combine(call, "less", x.name, number(call, 0, "i32"))
    wrapped = combine(call, "add", x.name, number(call, depth, "i32"))
    index = call.emit(Select(), (below, wrapped, x.name), x.shape, dtype="i32")
    classes = np.arange(depth, dtype=np.int32).reshape([-1 if i == axis else 1 for i in range(len(shape))])
    there = combine(
        call,
        "equal",
        call.reshape(index, (*x.shape[:axis], 1, *x.shape[axis:])),
        call.scope.constant(f"{call.node.label}.classes", classes),
    )
    off, on = values.constant
    if values.dtype == "f32" and (off, on) == (0, 1):
        return call.emit(Cast(), (there,), shape)
    parts = (call.scope.constant(f"{call.node.label}.{name}", np.array(v)) for name, v in (("on", on), ("off", off)))
    return call.emit(Select(), (there, *parts), shape, dtype=values.dtype)


def trilu(call: Call) -> str:
    """Zeros above or below a diagonal of matrices."""
    x, k = call.value(0), call.whole(1) if call.has(1) else 0
    if len(x.shape) < 2:
        call.malformed(f"a matrix of shape {x.shape}")
    ones = np.ones(call.bounded(x.shape[-2:]), np.uint8)
    kept = np.triu(ones, k) if call.attribute("upper", 1) else np.tril(ones, k)
    mask = call.scope.constant(f"{call.node.label}.mask", kept)
    zero = call.scope.constant(f"{call.node.label}.zero", np.zeros((), NUMPY[x.dtype]))
    return call.emit(Select(), (mask, x.name, zero), x.shape, dtype=x.dtype)
