"""A function of two bytes as one linear form that is rounded down: found by search, proven on all pairs."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BYTES", "FACTOR_LIMIT", "SUM_LIMIT", "Linear", "linear_of"]

type Array = NDArray[Any]

BYTES = np.arange(-128, 128)
FACTOR_LIMIT = 2**23  # factors are below it, and above its negative
SUM_LIMIT = 2**31  # no sum reaches it
MARGIN = 2.0**-6  # how far from the slopes their factors are looked for
ROUNDS = 40  # ten are seldom needed


@dataclass(frozen=True, slots=True)
class Linear:
    """`floor((a * a_factor + b * b_factor + offset) / 2^shift)`."""

    a_factor: int
    b_factor: int
    offset: int
    shift: int

    @property
    def fits(self) -> bool:
        """Whether no sum leaves 32 bits, nor a factor the 24 that the engine takes, whatever a and b."""
        a, b = abs(self.a_factor), abs(self.b_factor)
        return max(a, b) < FACTOR_LIMIT and 128 * (a + b) + abs(self.offset) < SUM_LIMIT

    def of(self, a: Array, b: Array) -> Array:
        """Its values, as i64."""
        total = a.astype(np.int64) * self.a_factor + b.astype(np.int64) * self.b_factor + self.offset
        return np.asarray(total >> self.shift)

    def words(self) -> dict[str, int]:
        """Its parts by name."""
        return asdict(self)


def linear_of(table: Array, slopes: tuple[float, float], low: int, high: int) -> Linear | None:
    """The form that is `table` when clamped to low..high, or None.

    `table` [256, 256] has the result for each i8 a, the outer one, and b; it falls in neither of them. `slopes` are how
    much it grows with each, about.
    """
    table = table.astype(np.int64)
    floors, ceilings = _floors(table, low), -_floors(-table[::-1, ::-1], -high)
    ceilings += (-1, -1, 1)  # -1 - a is how far a is from the other end
    if not floors.size or not ceilings.size or (shift := _shift(floors, slopes)) is None:
        return None
    form = _search(floors, ceilings, slopes, shift)
    proven = form and form.fits and np.array_equal(np.clip(form.of(BYTES[:, None], BYTES), low, high), table)
    return form if proven else None


def _floors(table: Array, least: int) -> Array:
    """Where the form must be at least how much, that all other such demands follow from: rows of a, b and bound."""
    before = np.pad(table, ((1, 0), (1, 0)), constant_values=-1000)
    corners = (table > least) & (before[:-1, 1:] < table) & (before[1:, :-1] < table)
    return np.column_stack([np.argwhere(corners) - 128, table[corners]])


def _shift(floors: Array, slopes: tuple[float, float]) -> int | None:
    """The largest with which sums and factors near the slopes have room."""
    offset = np.max(floors[:, 2] - floors[:, :2] @ slopes)
    reach = 128 * (sum(slopes) + 2 * MARGIN) + abs(offset) + 1
    room = min(SUM_LIMIT / reach, FACTOR_LIMIT / (max(slopes) + MARGIN))
    return int(np.log2(room)) if room >= 1 else None


def _search(floors: Array, ceilings: Array, slopes: tuple[float, float], shift: int) -> Linear | None:
    """Factors that leave room for an offset.

    The room, the least ceiling less the largest floor, is concave in the factors: where it is negative, the two points
    that make it so rule out a half of the plane. What is left is a polygon, in whose middle the next factors are tried.
    """
    unit = 2**shift
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * MARGIN + slopes
    polygon = corners * unit
    for _ in range(ROUNDS):
        factors = np.rint(polygon.mean(axis=0)).astype(np.int64)
        below = floors[:, 2] * unit - floors[:, :2] @ factors
        above = ceilings[:, 2] * unit - 1 - ceilings[:, :2] @ factors
        lowest, highest = below.argmax(), above.argmin()
        room = above[highest] - below[lowest]
        if room >= 0:
            a, b = factors.tolist()
            return Linear(a, b, int(below[lowest] + room // 2), shift)
        normal = floors[lowest, :2] - ceilings[highest, :2]
        polygon = _cut(polygon, normal, normal @ factors - room)
        if len(polygon) < 3:
            return None
    return None


def _cut(polygon: Array, normal: Array, least: float) -> Array:
    """The part of a convex polygon, its corners in order, where `normal` times a point is `least` or more."""
    kept = []
    above = polygon @ normal - least
    for at, this in enumerate(polygon):
        last = at - 1
        if (above[last] >= 0) != (above[at] >= 0):
            kept.append(this + (polygon[last] - this) * (above[at] / (above[at] - above[last])))
        if above[at] >= 0:
            kept.append(this)
    return np.array(kept)
