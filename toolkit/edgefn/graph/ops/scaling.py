"""One product in f32 in the place of TFLite's arithmetic, where it provably gives the same results.

How a sum becomes i8 is a function that never falls, with at most 255 steps. Another function that never falls is the
same one if both agree at the two ends of what the sums can be and on both sides of every step. So an offset and a
factor that pass between the steps are proved by some five hundred sums a channel.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scaling", "Steps", "find_scaling", "scaled_f32", "valid_scaling"]

type Array = NDArray[Any]

_LIMIT = 2**31 - 2**10  # no sum, moved or multiplied, comes near a wrap
_TOGETHER = 64  # channels of one search: what it needs stays in the caches, and one without a product ends it early
_NEAR = np.arange(-3, 4)[:, None, None]  # where a step may lie, counted from where the real factor puts it
_NOTHING = 2.0**-33  # a factor that makes 0 of every sum
_CENTRES = (0, 11, -11, 23, -23, 37, -37)  # each lets the products round differently
_ULPS = sorted(range(-16, 17), key=abs)  # of the factor
_PLACES = (0.5, 0.25, 0.75, 0.1, 0.9, 0.4, 0.6)  # of the offset, between its bounds
_HOPELESS = 0.25  # of the channels without a product after the first round: the search ends there


@dataclass(frozen=True, slots=True)
class Steps:
    """How sums from `least` to `most` `[M]` become i8: by `exact`, about `sum * factor + zero`.

    `exact` takes sums `[..., n]` and which n channels they are of. `factor` is above 0, and the results lie in
    `low..high`.
    """

    exact: Callable[[Array, slice], Array]
    factor: Array
    least: Array
    most: Array
    zero: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Scaling:
    """What is added to the sums of every channel `[M]`, i64, and then f32 numbers as `scaled_f32` takes them."""

    shift: Array
    factor: Array
    offset: Array
    centre: Array

    @classmethod
    def of(cls, factor: Array) -> Self:
        """Multiplication and nothing else."""
        nothing = np.zeros(factor.shape)
        return cls(nothing.astype(np.int64), factor.astype(np.float32), *np.zeros((2, *factor.shape), np.float32))


def valid_scaling(factor: Array, offset: Array, centre: Array) -> bool:
    """Whether a plan may hold these."""
    whole = (np.abs(centre) <= 255) & (np.rint(centre) == centre)
    return bool(np.all(np.isfinite(factor) & (np.abs(offset) <= 2.0**31) & whole))


def scaled_f32(sums: Array, factor: Array, offset: Array, centre: Array) -> Array:
    """`round_half_to_even((f32(sum) + offset) * factor) + centre`, in f64.

    An offset above 0 is added away from zero.
    """
    reals = sums.astype(np.float32)
    moved = reals + np.where(offset > 0, np.copysign(offset, reals), offset)
    return np.asarray(np.rint((moved * factor).astype(np.float64)) + centre)


def find_scaling(steps: Steps) -> Scaling | None:
    """Products that stand for `steps`; None where a channel has none, or none was found."""
    reach = np.maximum(np.abs(steps.least), np.abs(steps.most))
    if np.any(reach * np.maximum(2 * steps.factor, 1) >= _LIMIT):
        return None
    parts = []
    for first in range(0, len(reach), _TOGETHER):
        edges = _Edges.of(steps, slice(first, first + _TOGETHER))
        found = edges and _search(edges)
        if found is None:
            return None
        parts.append(found)
    return Scaling(*(np.concatenate([getattr(part, name) for part in parts]) for name in Scaling.__slots__))


@dataclass(frozen=True, slots=True)
class _Edges:
    """What is to be met by some channels: both sides of each step, and the ends of what the sums can be.

    `half` `[levels, 1]` lies between the results of a step, less the zero point. `crossed` `[levels, M]` says which
    steps the sums cross, `upper` which sum is the first behind each; where it is not crossed, the most there can be.
    """

    steps: Steps
    factor: Array
    half: Array
    crossed: Array
    lower: Array
    upper: Array
    sums: Array
    results: Array

    @classmethod
    def of(cls, steps: Steps, channels: slice) -> Self | None:
        """None where a step is not where the factor puts it."""
        factor, least, most = (v[channels] for v in (steps.factor, steps.least, steps.most))
        first, last = steps.exact(least, channels), steps.exact(most, channels)
        levels = np.arange(steps.low + 1, steps.high + 1)[:, None]
        half, crossed = levels - steps.zero - 0.5, (first < levels) & (levels <= last)
        about = np.ceil(half / factor).clip(least, most).astype(np.int64)
        near = (about + _NEAR).clip(least, most)
        behind = np.argmax(steps.exact(near, channels) >= levels, axis=0)
        upper = np.take_along_axis(near, behind[None], axis=0)[0]
        lower, upper = np.where(crossed, upper - 1, least), np.where(crossed, upper, most)
        sums = np.concatenate([lower, upper, [least, most]])
        results = steps.exact(sums, channels)
        before, after = np.split(results[:-2], 2)
        if np.any(crossed & ((before >= levels) | (levels > after))):
            return None
        return cls(steps, factor.astype(np.float32), half, crossed, lower, upper, sums, results)

    @property
    def middle(self) -> Array:
        """Of the results, less the zero point."""
        return np.asarray(self.results[-2:].sum(axis=0) // 2 - self.steps.zero)

    @property
    def two_sided(self) -> Array:
        """Whether sums cross steps below zero and above."""
        below, above = (np.any(self.crossed & side, axis=0) for side in (self.half < 0, self.half > 0))
        return np.asarray(below & above)

    def scalings(self, left: Array, centre: int, ulps: int) -> Iterator[Scaling]:
        """Of the channels `left`: factors that are `ulps` more, results around their middle and `centre`."""
        crossed, mirrored = self.crossed[:, left], self.two_sided[left] & (centre == 0)
        centres = np.where(mirrored, 0, self.middle[left] + centre)
        factor = (self.factor[left].view(np.int32) + ulps).view(np.float32)
        goal = (self.half - centres) / factor.astype(np.float64)
        least, most = goal - self.upper[:, left], goal - self.lower[:, left]
        turned = mirrored & (self.half < 0)
        least, most = np.where(turned, -most, least), np.where(turned, -least, most)
        least = np.where(crossed, least, -np.inf).max(axis=0)
        most = np.where(crossed, most, np.inf).min(axis=0)
        for place in _PLACES:
            offset = least + place * (most - least)
            shift = np.where(mirrored, 0, np.ceil(offset)).astype(np.int64)
            yield Scaling(shift, factor, (offset - shift).astype(np.float32), centres.astype(np.float32))

    def proves(self, one: Scaling, left: Array) -> Array:
        """Whether a scaling of the channels `left` is right, for each."""
        s, sums = self.steps, self.sums[:, left] + one.shift
        results = scaled_f32(sums, one.factor, one.offset, one.centre) + s.zero
        right = results.clip(s.low, s.high) == self.results[:, left]
        return np.asarray(np.all(right, axis=0) & (np.abs(sums).max(axis=0) < _LIMIT))


def _search(edges: _Edges) -> Scaling | None:
    first, last = edges.results[-2:]
    found = Scaling.of(np.full(len(first), _NOTHING))  # where all sums have one result the centre is all
    found.centre[:] = edges.middle
    left = np.flatnonzero(first < last)
    for turn, (centre, ulps) in enumerate(product(_CENTRES, _ULPS)):
        if not len(left):
            return found
        if turn == 1 and len(left) > _HOPELESS * len(first):
            return None
        done = np.zeros(len(left), bool)
        for one in edges.scalings(left, centre, ulps):
            good = edges.proves(one, left) & ~done
            for name in Scaling.__slots__:
                getattr(found, name)[left[good]] = getattr(one, name)[good]
            done |= good
        left = left[~done]
    return found if not len(left) else None
