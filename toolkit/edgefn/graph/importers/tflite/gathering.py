"""GATHER, GATHER_ND, EMBEDDING_LOOKUP, ONE_HOT and TOPK_V2."""

from math import prod

import numpy as np

from edgefn.graph.importers.along import taken_along
from edgefn.graph.importers.spans import Span
from edgefn.graph.importers.tflite.arithmetic import as_dtype, combine
from edgefn.graph.importers.tflite.parts import taken
from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.ir import Tensor
from edgefn.graph.ops import Cast, Dequantize, Gather, Reduce, Reshape, Select, TopK, Transpose

__all__ = ["embedding_lookup", "gather", "gather_nd", "one_hot", "top_k"]


def gather(call: Call) -> str:
    """Constant indices, or indices of the run."""
    x, indices = call.movable(0), _indices(call, 1)
    axis = call.axis(call.option("axis"), len(x.shape))
    _check_inside(call, indices, x.shape[axis])
    if call.option("batch_dims"):
        return _gathered_by_batch(call, x, indices, axis)
    if indices.constant is not None and not indices.shape:
        part = [Span(0, 1, d) for d in x.shape]
        part[axis] = Span(int(indices.constant), 1, 1)
        return call.reshape(taken(call, x, part), (*x.shape[:axis], *x.shape[axis + 1 :]))
    return call.moved(Gather(axis), x, (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]), indices.name)


def _indices(call: Call, index: int) -> Tensor:
    indices = call.value(index)
    if indices.dtype != "i32":
        call.malformed(f"indices of {indices.dtype}")
    return indices


def _check_inside(call: Call, indices: Tensor, count: int) -> None:
    """Refuse constant indices that are outside."""
    known = indices.constant
    if known is not None and known.size and not 0 <= known.min() <= known.max() < count:
        call.malformed(f"indices from {known.min()} to {known.max()} of {count} elements")


def _gathered_by_batch(call: Call, x: Tensor, indices: Tensor, axis: int) -> str:
    """Each batch has indices of its own: as many more elements as there are in the batches before it."""
    batch = call.option("batch_dims")
    batch += len(indices.shape) if batch < 0 else 0
    if not 0 <= batch <= len(indices.shape) or x.shape[:batch] != indices.shape[:batch] or axis < batch:
        call.malformed(f"indices {indices.shape} along axis {axis} of {x.shape}, with {batch} dimensions of batches")
    front, between, behind = x.shape[:batch], x.shape[batch:axis], x.shape[axis + 1 :]
    taken, count, rows = indices.shape[batch:], x.shape[axis], prod(front)
    moved = call.moved(Reshape(), x, (rows, prod(between), count, prod(behind)))
    flat = call.moved(Transpose((0, 2, 1, 3)), call.scope.tensor(moved), (rows, count, prod(between), prod(behind)))
    table = call.reshape(flat, (rows * count, prod(between) * prod(behind)))
    begins = np.arange(rows, dtype=np.int32)[:, None] * np.int32(count)
    places = combine(
        call, "add", call.reshape(indices.name, (rows, prod(taken))), call.scope.constant("begins", begins)
    )
    shape = (rows * prod(taken), prod(between) * prod(behind))
    y = call.moved(Gather(0), call.scope.tensor(table), shape, call.reshape(places, shape[:1]))
    y = call.reshape(y, (rows, prod(taken), prod(between), prod(behind)))
    back = (rows, prod(between), prod(taken), prod(behind))
    y = call.moved(Transpose((0, 2, 1, 3)), call.scope.tensor(y), back)
    return call.reshape(y, (*front, *between, *taken, *behind))


def gather_nd(call: Call) -> str:
    """Each row of indices names an element, or a part of the last dimensions."""
    x, indices = call.movable(0), _indices(call, 1)
    depth = indices.shape[-1] if indices.shape else 0
    if not 0 < depth <= len(x.shape):
        call.malformed(f"indices {indices.shape} into {x.shape}")
    if indices.constant is not None and bool(
        ((indices.constant < 0) | (indices.constant >= np.array(x.shape[:depth]))).any()
    ):
        call.malformed(f"indices outside {x.shape[:depth]}")
    steps = [prod(x.shape[i + 1 : depth]) for i in range(depth)]
    weighted = combine(call, "mul", indices.name, call.scope.constant("steps", np.array(steps, np.int32)))
    one = (*indices.shape[:-1], 1)
    places = call.emit(Reduce("sum", (len(one) - 1,)), (weighted,), one, Tensor(call.label, "i32", one))
    table = call.scope.tensor(call.reshape(x.name, (prod(x.shape[:depth]), *x.shape[depth:])))
    rows = call.reshape(places, indices.shape[:-1])
    return call.moved(Gather(0), table, (*indices.shape[:-1], *x.shape[depth:]), rows)


def one_hot(call: Call) -> str:
    """A constant depth; an index that is outside is nowhere."""
    indices, depth, on, off = _indices(call, 0), call.integers(1), call.value(2), call.value(3)
    if len(depth) != 1 or depth[0] < 1 or on.size != 1 or off.size != 1 or on.dtype != off.dtype:
        call.malformed(f"depth {depth}, values of {on.dtype} {on.shape} and {off.dtype} {off.shape}")
    axis = call.axis(call.option("axis"), len(indices.shape) + 1)
    shape = (*indices.shape[:axis], depth[0], *indices.shape[axis:])
    call.scope.check_size(call.label, shape)
    classes = np.arange(depth[0], dtype=np.int32).reshape([-1 if i == axis else 1 for i in range(len(shape))])
    wide = call.reshape(indices.name, (*indices.shape[:axis], 1, *indices.shape[axis:]))
    there = combine(call, "equal", wide, call.scope.constant(f"{call.label}.classes", classes))
    values = [call.reshape(t.name, ()) for t in (on, off)]
    known = [t.constant for t in (on, off)]
    if on.dtype == "f32" and [None if v is None else float(v.reshape(())) for v in known] == [1.0, 0.0]:
        return as_dtype(call, there, "f32")
    return call.emit(Select(), (there, *values), shape, Tensor(call.label, on.dtype, shape, on.quantization))


def embedding_lookup(call: Call) -> str:
    """Rows of a constant table; of integers with one scale the rows become floats, not the table."""
    indices, table = _indices(call, 0), call.value(1)
    if not table.shape or len(indices.shape) != 1:
        call.malformed(f"indices {indices.shape} of a table {table.shape}")
    rows = call.moved(Gather(0), table, (*indices.shape, *table.shape[1:]), indices.name)
    if table.dtype == call.output.dtype:
        return rows
    if table.dtype != "i8" or table.quantization is None or not table.quantization.per_tensor:
        call.refuse(f"a table of {table.dtype} to {call.output.dtype}")
    return call.emit(Dequantize(), (rows,), call.scope.tensor(rows).shape)


def top_k(call: Call) -> tuple[str, str]:
    """Constant k, along the last dimension; values and indices, the best first."""
    x, k = call.movable(0), call.integers(1)
    if len(k) != 1 or not x.shape or not 0 < k[0] <= x.shape[-1]:
        call.malformed(f"the best {k} of {x.shape}")
    shape = (*x.shape[:-1], k[0])
    numbers = x.name
    if x.dtype not in {"f32", "i32"}:
        numbers = call.emit(Cast(), (numbers,), x.shape, Tensor(x.name, "i32", x.shape))
    index = call.emit(TopK(), (numbers,), shape, Tensor(call.label, "i32", shape))
    return taken_along(call, x, call.scope.tensor(index)), index
