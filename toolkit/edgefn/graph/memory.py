"""Where every buffer lies in the arena: the largest first, each in the lowest gap that is free while it lives."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["ALIGNMENT", "Buffer", "place"]

ALIGNMENT = 16


@dataclass(frozen=True, slots=True)
class Buffer:
    """`size` bytes that live from step `first` to step `last`, both included."""

    size: int
    first: int
    last: int


def place(buffers: Sequence[Buffer]) -> tuple[list[int], int]:
    """Byte offset of every buffer, a multiple of 16, and the bytes that all of them need."""
    offsets = [0] * len(buffers)
    order = sorted(range(len(buffers)), key=lambda i: (-buffers[i].size, buffers[i].first, i))
    first, last, start, end = np.zeros((4, len(buffers)), np.int64)
    for n, i in enumerate(order):
        buffer = buffers[i]
        together = (first[:n] <= buffer.last) & (last[:n] >= buffer.first)
        offset = _gap(start[:n][together], end[:n][together], buffer.size)
        offsets[i] = offset
        first[n], last[n], start[n], end[n] = buffer.first, buffer.last, offset, offset + buffer.size
    return offsets, int(-(-end.max(initial=0) // ALIGNMENT) * ALIGNMENT)


def _gap(
    starts: np.ndarray[tuple[int], np.dtype[np.int64]], ends: np.ndarray[tuple[int], np.dtype[np.int64]], size: int
) -> int:
    """Return the lowest aligned offset with `size` bytes that none of the occupied ranges touches."""
    offset = 0
    for i in np.argsort(starts, kind="stable"):
        if offset + size <= starts[i]:
            break
        offset = max(offset, int(-(-ends[i] // ALIGNMENT) * ALIGNMENT))
    return offset
