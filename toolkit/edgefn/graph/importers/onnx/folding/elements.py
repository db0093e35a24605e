"""Rules of folding for what moves or makes elements."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.importers.onnx.file import DTYPES
from edgefn.graph.importers.onnx.gathering import places_of_elements, places_of_rows
from edgefn.graph.importers.onnx.padding import read_pad
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.importers.onnx.slicing import expanded_shape, read_slice, read_split, read_tile
from edgefn.graph.ir import NUMPY

__all__ = ["REARRANGED"]

type Array = NDArray[Any]


def _slice(call: Call) -> Array:
    data = call.constant(0)
    for axis, span in enumerate(read_slice(call, data.shape)):
        data = data.take(span.begin + span.step * np.arange(span.count), axis)
    return data


def _split(call: Call) -> tuple[Array, ...]:
    data = call.constant(0)
    axis, sizes = read_split(call, data.shape)
    return tuple(np.split(data, np.cumsum(sizes)[:-1], axis))


def _expand(call: Call) -> Array:
    data = call.constant(0)
    return np.broadcast_to(data, call.bounded(expanded_shape(call, data.shape)))


def _tile(call: Call) -> Array:
    data = call.constant(0)
    counts = read_tile(call, data.ndim)
    call.bounded([d * n for d, n in zip(data.shape, counts, strict=True)])
    return np.tile(data, counts)


def _pad(call: Call) -> Array:
    data = call.constant(0)
    mode, widths, value = read_pad(call, data.ndim)
    kept = tuple(slice(max(0, -b), d + min(0, a)) for d, (b, a) in zip(data.shape, widths, strict=True))
    wide = [(max(0, b), max(0, a)) for b, a in widths]
    call.bounded([d + b + a for d, (b, a) in zip(data.shape, wide, strict=True)])
    if mode == "constant":
        return np.pad(data[kept], wide, mode, constant_values=value)
    return np.pad(data[kept], wide, mode)


def _gather(call: Call) -> Array:
    data, indices = call.constant(0), call.constant(1).astype(np.int64)
    axis = call.axis(call.attribute("axis", 0), data.ndim)
    call.bounded(data.shape[:axis] + indices.shape + data.shape[axis + 1 :])
    return np.take(data, indices, axis)


def _gather_elements(call: Call) -> Array:
    data, indices = call.constant(0), call.constant(1)
    axis = call.axis(call.attribute("axis", 0), data.ndim)
    return data.reshape(-1)[places_of_elements(call, data.shape, indices, axis)]


def _gather_nd(call: Call) -> Array:
    data, indices = call.constant(0), call.constant(1)
    places, rest = places_of_rows(call, data.shape, indices, call.attribute("batch_dims", 0))
    call.bounded((*places.shape, *rest))
    return data.reshape(-1, *rest)[places]


def _scatter_elements(call: Call) -> Array:
    data, indices = call.constant(0), call.constant(1)
    axis = call.axis(call.attribute("axis", 0), data.ndim)
    return _scattered(call, (), places_of_elements(call, data.shape, indices, axis))


def _scatter_nd(call: Call) -> Array:
    places, rest = places_of_rows(call, call.constant(0).shape, call.constant(1))
    return _scattered(call, rest, places)


def _scattered(call: Call, rest: tuple[int, ...], places: Array) -> Array:
    if call.attribute("reduction", "none") != "none":
        call.refuse(f"reduction {call.attribute('reduction', 'none')!r}")
    data = call.constant(0)
    rows = data.reshape(-1, *rest).copy()
    rows[places] = call.constant(2)
    return rows.reshape(data.shape)


def _size(call: Call) -> Array:
    return np.array(call.input(0).size, np.int64)


def _range(call: Call) -> Array:
    start, limit, delta = (call.constant(i).reshape(()) for i in range(3))
    count = max(0, int(np.ceil((limit.astype(np.float64) - start) / delta)))
    call.bounded((count,))
    values: Array = start + np.arange(count) * delta
    return values.astype(start.dtype)


def _one_hot(call: Call) -> Array:
    indices, depth = call.constant(0).astype(np.int64), int(call.constant(1).reshape(()))
    off, on = call.constant(2)
    axis = call.axis(call.attribute("axis", -1), indices.ndim + 1)
    call.bounded((*indices.shape, depth))
    wrapped = np.expand_dims(np.where(indices < 0, indices + depth, indices), axis)
    classes = np.arange(depth).reshape([-1 if i == axis else 1 for i in range(indices.ndim + 1)])
    return np.asarray(np.where(wrapped == classes, on, off))


def _trilu(call: Call) -> Array:
    data, k = call.constant(0), int(call.constant(1).reshape(())) if call.has(1) else 0
    return np.triu(data, k) if call.attribute("upper", 1) else np.tril(data, k)


def _eye_like(call: Call) -> Array:
    like = call.input(0)
    to = call.attribute("dtype", 0)
    if len(like.shape) != 2 or to not in {0, *DTYPES}:
        call.malformed(f"a matrix like {like.shape} of data type {to}")
    rows, columns = call.bounded(like.shape)
    return np.eye(rows, columns, call.attribute("k", 0), NUMPY[DTYPES[to] if to else like.dtype])


def _non_zero(call: Call) -> Array:
    return np.array(np.nonzero(call.constant(0)), np.int64)


def _compress(call: Call) -> Array:
    data, axis = call.constant(0), call.node.attributes.get("axis")
    return np.compress(call.constant(1), data, axis)


REARRANGED: dict[str, Callable[[Call], Array | tuple[Array, ...]]] = {
    "Compress": _compress,
    "Expand": _expand,
    "EyeLike": _eye_like,
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "NonZero": _non_zero,
    "OneHot": _one_hot,
    "Pad": _pad,
    "Range": _range,
    "ScatterElements": _scatter_elements,
    "ScatterND": _scatter_nd,
    "Size": _size,
    "Slice": _slice,
    "Split": _split,
    "Tile": _tile,
    "Trilu": _trilu,
}
