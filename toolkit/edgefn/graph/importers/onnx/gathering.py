"""Elements that indices name: Gather, GatherElements, GatherND; and ScatterElements and ScatterND, turned around."""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.importers.along import taken_along
from edgefn.graph.importers.onnx.arithmetic import as_dtype, combine, number
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.importers.spans import Span, sliced
from edgefn.graph.ir import Tensor
from edgefn.graph.ops import Concat, Gather, Select, TopK

__all__ = [
    "gather",
    "gather_elements",
    "gather_nd",
    "places_of_elements",
    "places_of_rows",
    "scatter_elements",
    "scatter_nd",
    "top_k",
]

type Array = NDArray[Any]


def gather(call: Call) -> str:
    """Constant indices, or indices of the run."""
    x, indices = call.value(0), call.input(1)
    axis = call.axis(call.attribute("axis", 0), len(x.shape))
    if indices.constant is not None:
        _within(call, indices.constant, x.shape[axis])
        if indices.size == 1:
            return _one(call, x, axis, indices.constant)
    shape = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
    return call.moved(Gather(axis), x, shape, _as_i32(call, 1))


def _one(call: Call, x: Tensor, axis: int, index: Array) -> str:
    """A single index is a slice."""
    begin = int(index.reshape(())) % x.shape[axis]
    spans = [Span(begin, 1, 1) if i == axis else Span(0, 1, d) for i, d in enumerate(x.shape)]
    return call.reshape(sliced(call, x, spans), (*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]))


def _within(call: Call, indices: Array, length: int) -> None:
    if indices.size and not -length <= indices.min() <= indices.max() < length:
        call.malformed(f"indices from {indices.min()} to {indices.max()} of {length} elements")


def _as_i32(call: Call, index: int) -> str:
    t = call.value(index)
    if t.dtype != "i32":
        call.malformed(f"indices of {t.dtype}")
    return t.name


def gather_elements(call: Call) -> str:
    """Constant indices, or indices of the run that have all other dimensions of the data."""
    x, indices = call.value(0), call.input(1).constant
    axis = call.axis(call.attribute("axis", 0), len(x.shape))
    if indices is None:
        return _along(call, x, call.scope.tensor(_as_i32(call, 1)), axis)
    return _taken(call, x, (), places_of_elements(call, x.shape, indices, axis))


def _along(call: Call, x: Tensor, index: Tensor, axis: int) -> str:
    others = [i for i in range(len(x.shape)) if i != axis]
    if len(index.shape) != len(x.shape) or any(index.shape[i] != x.shape[i] for i in others):
        call.refuse(f"indices {index.shape} of {x.shape} that are computed at run time")
    last = (*others, axis)
    x, index = (call.scope.tensor(call.transpose(t.name, last)) for t in (x, index))
    below = combine(call, "less", index.name, number(call, 0, "i32"))
    wrapped = combine(call, "add", index.name, number(call, x.shape[-1], "i32"))
    inside = call.emit(Select(), (below, wrapped, index.name), index.shape, dtype="i32")
    y = taken_along(call, x, call.scope.tensor(inside))
    return call.transpose(y, tuple(last.index(i) for i in range(len(last))))


def top_k(call: Call) -> tuple[str, str]:
    """Constant k; values and indices, the best first."""
    x = call.value(0)
    axis = call.axis(call.attribute("axis", -1), len(x.shape))
    k = int(call.constant(1).reshape(())) if call.opset >= 10 else call.attribute("k", 0)
    if not 0 < k <= x.shape[axis]:
        call.malformed(f"the best {k} of {x.shape[axis]}")
    last = (*(i for i in range(len(x.shape)) if i != axis), axis)
    back = tuple(last.index(i) for i in range(len(last)))
    x = call.scope.tensor(call.transpose(x.name, last))
    numbers = x.name if x.dtype in {"f32", "i32"} else as_dtype(call, x.name, "i32")
    shape = (*x.shape[:-1], k)
    index = call.emit(TopK(smallest=not call.attribute("largest", 1)), (numbers,), shape, dtype="i32")
    values = taken_along(call, x, call.scope.tensor(index))
    return call.transpose(values, back), call.transpose(index, back)


def gather_nd(call: Call) -> str:
    """Constant indices; or indices of the run that name a position of the first dimension."""
    x, indices = call.value(0), call.input(1)
    batch, depth = call.attribute("batch_dims", 0), indices.shape[-1] if indices.shape else 0
    if indices.constant is None:
        if batch or depth != 1:
            call.refuse(f"indices {indices.name!r} of shape {indices.shape} are computed at run time")
        rows = call.reshape(_as_i32(call, 1), indices.shape[:-1])
        return call.moved(Gather(0), x, (*indices.shape[:-1], *x.shape[1:]), rows)
    places, rest = places_of_rows(call, x.shape, indices.constant, batch)
    return _taken(call, x, rest, places)


def _taken(call: Call, x: Tensor, rest: tuple[int, ...], places: Array) -> str:
    """Take rows of `rest` elements of `x`, all of whose other dimensions are one."""
    rows = call.scope.tensor(call.reshape(x.name, (x.size // prod(rest), *rest)))
    indices = call.scope.constant(f"{call.node.label}.indices", places.astype(np.int32))
    return call.moved(Gather(0), rows, (*places.shape, *rest), indices)


def places_of_elements(call: Call, shape: tuple[int, ...], indices: Array, axis: int) -> Array:
    """Where in a flat tensor of `shape` the elements lie that GatherElements or ScatterElements names."""
    others = [(n, d) for i, (n, d) in enumerate(zip(indices.shape, shape, strict=False)) if i != axis]
    if indices.ndim != len(shape) or any(n > d for n, d in others):
        call.malformed(f"indices {indices.shape} of a tensor {shape} along axis {axis}")
    _within(call, indices, shape[axis])
    along = [
        np.arange(n).reshape([-1 if i == k else 1 for k in range(len(shape))]) for i, n in enumerate(indices.shape)
    ]
    along[axis] = np.where(indices < 0, indices + shape[axis], indices)
    return np.asarray(np.ravel_multi_index(np.broadcast_arrays(*along), shape))


def places_of_rows(call: Call, shape: tuple[int, ...], indices: Array, batch: int = 0) -> tuple[Array, tuple[int, ...]]:
    """Which rows of a tensor of `shape` GatherND or ScatterND names, and the shape of a row."""
    depth = batch + (indices.shape[-1] if indices.ndim else 0)
    if not (indices.ndim > batch >= 0 and batch < depth <= len(shape)) or indices.shape[:batch] != shape[:batch]:
        call.malformed(f"indices {indices.shape} of a tensor {shape} with {batch} batch dimensions")
    named = np.moveaxis(indices, -1, 0).astype(np.int64)
    for part, length in zip(named, shape[batch:depth], strict=True):
        _within(call, part, length)
    wrapped = [np.where(part < 0, part + length, part) for part, length in zip(named, shape[batch:depth], strict=True)]
    counted = np.indices(indices.shape[:-1], sparse=True)[:batch]
    return np.asarray(np.ravel_multi_index(np.broadcast_arrays(*counted, *wrapped), shape[:depth])), shape[depth:]


def scatter_elements(call: Call) -> str:
    """Constant indices, without reduction."""
    x, indices = call.value(0), call.constant(1)
    axis = call.axis(call.attribute("axis", 0), len(x.shape))
    return _scattered(call, x, (), places_of_elements(call, x.shape, indices, axis))


def scatter_nd(call: Call) -> str:
    """Constant indices, without reduction."""
    x = call.value(0)
    places, rest = places_of_rows(call, x.shape, call.constant(1))
    return _scattered(call, x, rest, places)


def _scattered(call: Call, x: Tensor, rest: tuple[int, ...], places: Array) -> str:
    """Rows of the updates, where one was written, and of `x` elsewhere: taken from both, one behind the other."""
    if call.attribute("reduction", "none") != "none":
        call.refuse(f"reduction {call.attribute('reduction', 'none')!r}")
    updates = call.value(2)
    if updates.shape != (*places.shape, *rest) or updates.dtype != x.dtype:
        call.malformed(f"updates of {updates.dtype} {updates.shape} for {places.shape} rows of {x.dtype} {rest}")
    count = x.size // prod(rest)
    call.scope.graph.allowance.demand((count, 2))  # places in 64 bits
    source = np.arange(count)
    source[places.reshape(-1)] = count + np.arange(places.size)
    parts = [call.reshape(x.name, (count, *rest)), call.reshape(updates.name, (places.size, *rest))]
    both = call.scope.tensor(call.moved(Concat(0), call.scope.tensor(parts[0]), (count + places.size, *rest), parts[1]))
    return call.reshape(_taken(call, both, rest, source), x.shape)
