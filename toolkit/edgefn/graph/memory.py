"""Where every buffer lies in the arena: each in the lowest gap that is free while it lives.

The order in which they are placed decides how much is lost between them. A few orders are tried; then the best one is
improved by placing earlier what lies highest, until nothing is lost or the tries are used up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from edgefn.graph.records import ALIGNMENT

__all__ = ["Buffer", "bound", "place"]

type Order = list[int]
type Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]

WORK = 8_000  # buffers placed while improving, some 80 ms
STRIDE = 7_919  # a prime: where to try next, spread over all places


@dataclass(frozen=True, slots=True)
class Buffer:
    """`size` bytes that live from step `first` to step `last`, both included."""

    size: int
    first: int
    last: int

    @property
    def room(self) -> int:
        """`size` up to where the next one may begin."""
        return -(-self.size // ALIGNMENT) * ALIGNMENT

    @property
    def steps(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class _Placement:
    order: Order
    offsets: list[int]
    peak: int


_KEYS: tuple[Callable[[Buffer], tuple[int, int]], ...] = (
    lambda b: (-b.size, b.first),
    lambda b: (-b.size * b.steps, b.first),
    lambda b: (-b.steps, -b.size),
    lambda b: (b.first, -b.size),
)


def bound(buffers: Sequence[Buffer]) -> int:
    """Bytes that no placement can stay below: the largest sum of what lives at one step."""
    change = [0] * (max((b.last for b in buffers), default=0) + 2)
    for b in buffers:
        change[b.first] += b.room
        change[b.last + 1] -= b.room
    return max(accumulate(change))


def place(buffers: Sequence[Buffer]) -> tuple[list[int], int]:
    """Byte offset of every buffer, a multiple of 16, and the bytes that all of them need."""
    orders = [sorted(range(len(buffers)), key=lambda i: (key(buffers[i]), i)) for key in _KEYS]
    least = bound(buffers)
    best = _in_order(buffers, orders[0])
    for order in orders[1:]:
        if best.peak > least:
            best = min(best, _in_order(buffers, order), key=lambda p: p.peak)
    for number in range(WORK // max(len(buffers), 1)):
        if best.peak > least:
            best = min(_in_order(buffers, _improved(buffers, best, number)), best, key=lambda p: p.peak)
    return best.offsets, best.peak


def _improved(buffers: Sequence[Buffer], placed: _Placement, number: int) -> Order:
    """Another order: one of the buffers that reach the peak comes earlier, by `number` which and where."""
    highest = [i for i in placed.order if placed.offsets[i] + buffers[i].room == placed.peak]
    moved = highest[number % len(highest)]
    at = placed.order.index(moved)
    to = number * STRIDE % at if at else 0
    others = [i for i in placed.order if i != moved]
    return [*others[:to], moved, *others[to:]]


def _in_order(buffers: Sequence[Buffer], order: Order) -> _Placement:
    offsets = [0] * len(buffers)
    first, last, start, end = np.zeros((4, len(buffers)), np.int64)
    for n, i in enumerate(order):
        buffer = buffers[i]
        together = (first[:n] <= buffer.last) & (last[:n] >= buffer.first)
        offset = _gap(start[:n][together], end[:n][together], buffer.room)
        offsets[i] = offset
        first[n], last[n], start[n], end[n] = buffer.first, buffer.last, offset, offset + buffer.room
    return _Placement(order, offsets, int(end.max(initial=0)))


def _gap(starts: Numbers, ends: Numbers, room: int) -> int:
    """Return the lowest offset with `room` bytes that none of the occupied ranges touches."""
    offset = 0
    for i in np.argsort(starts, kind="stable"):
        if offset + room <= starts[i]:
            break
        offset = max(offset, int(ends[i]))
    return offset
