"""Sparse constants, which hold only what is not zero, as the dense arrays that they stand for.

A sparse tensor is a tree with one level for each dimension, or for each side of a block that dimensions are cut into,
in the order in which it is traversed. On a dense level every node has all children; on a sparse one those that its
segment of a list of indices names. The leaves are the values, in order. The file may say anything.
"""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.importers.bounds import MAX_RANK
from edgefn.graph.importers.tflite.flatbuffer import Table
from edgefn.graph.importers.tflite.schema import DimensionSlot, SparsitySlot
from edgefn.graph.ir import Shape

__all__ = ["densified"]

type Array = NDArray[Any]

MAX_LEVELS = 2 * MAX_RANK  # every dimension may be cut into blocks
DENSE, COMPRESSED = 0, 1
_WIDTHS: dict[int, np.dtype[Any]] = {
    1: np.dtype(np.int32),
    2: np.dtype(np.uint16),
    3: np.dtype(np.uint8),
}  # members of SparseIndexVector


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """`size` children of every node or, on a sparse level, `indices` in `segments`."""

    size: int
    segments: Array | None = None
    indices: Array | None = None

    def children(self, nodes: int, most: int) -> tuple[Array, Array]:
        """Parent and place among its children of every node of the next level. Raises ValueError."""
        if self.segments is None or self.indices is None:
            if self.size < 1 or nodes * self.size > most:
                raise ValueError(f"{nodes:,} times {self.size:,} nodes of at most {most:,}")
            return np.repeat(np.arange(nodes), self.size), np.tile(np.arange(self.size), nodes)
        counts = np.diff(self.segments)
        fits = len(self.segments) == nodes + 1 and self.segments[0] == 0 and self.segments[-1] == len(self.indices)
        if not fits or bool((counts < 0).any()) or len(self.indices) > most:
            raise ValueError(f"{len(self.segments):,} segments of {len(self.indices):,} indices for {nodes:,} nodes")
        return np.repeat(np.arange(nodes), counts), self.indices


def densified(table: Table, name: str, values: Array, shape: Shape) -> Array:
    """The array of `shape` of which the table SparsityParameters of a tensor says where `values` lie.

    Raises ModelError EFN-M004, EFN-M006 or EFN-M008.
    """
    table.file.charge(prod(shape) * values.itemsize)
    order = table.numbers(SparsitySlot.TRAVERSAL_ORDER, f"the order of tensor {name!r}", MAX_LEVELS)
    blocks = table.numbers(SparsitySlot.BLOCK_MAP, f"the blocks of tensor {name!r}", MAX_RANK)
    levels = [_level(t) for t in table.tables(SparsitySlot.DIM_METADATA, "sparse dimensions", 1 << 16)]
    rank = len(shape)
    fits = sorted(order) == list(range(rank + len(blocks))) and all(0 <= b < rank for b in blocks)
    if not fits or len(levels) != len(order) or len(set(blocks)) < len(blocks):
        raise table.file.malformed(f"sparse tensor {name!r} of {shape} is traversed in the order {order}")
    try:
        places = _places(order, levels, prod(shape))
        return _filled(places, blocks, {d: levels[i].size for i, d in enumerate(order)}, values, shape)
    except ValueError as error:
        raise table.file.malformed(f"sparse tensor {name!r} of {shape} has {error}") from None


def _level(table: Table) -> Level:
    size = table.scalar(DimensionSlot.DENSE_SIZE, "i")
    if table.scalar(DimensionSlot.FORMAT, "b") == DENSE:
        return Level(size)
    segments = _integers(table, DimensionSlot.SEGMENTS_TYPE, DimensionSlot.SEGMENTS)
    indices = _integers(table, DimensionSlot.INDICES_TYPE, DimensionSlot.INDICES)
    return Level(int(indices.max(initial=0)) + 1, segments, indices)


def _integers(table: Table, kind: int, slot: int) -> Array:
    width, found = _WIDTHS.get(table.scalar(kind, "B")), table.table(slot)
    if width is None or found is None:
        raise table.file.malformed("a sparse dimension has no indices")
    return found.view(0, width).astype(np.int64)


def _places(order: tuple[int, ...], levels: list[Level], most: int) -> dict[int, Array]:
    """Where every leaf lies on every level."""
    places: dict[int, Array] = {}
    nodes = 1
    for dimension, level in zip(order, levels, strict=True):
        parents, children = level.children(nodes, most)
        places = {d: at[parents] for d, at in places.items()} | {dimension: children}
        nodes = len(children)
    return places


def _filled(
    places: dict[int, Array], blocks: tuple[int, ...], sizes: dict[int, int], values: Array, shape: Shape
) -> Array:
    at = [places[d] for d in range(len(shape))]
    for i, dimension in enumerate(blocks):
        inner = len(shape) + i
        at[dimension] = at[dimension] * sizes[inner] + places[inner]
    count = len(at[0]) if at else 1
    if len(values) != count or any(bool(((p < 0) | (p >= d)).any()) for p, d in zip(at, shape, strict=True)):
        raise ValueError(f"{len(values):,} values at {count:,} places")
    dense = np.zeros(shape, values.dtype)
    dense[tuple(at)] = values
    return dense
