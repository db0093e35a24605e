"""One product in f32 in the place of TFLite's arithmetic, where it provably gives the same results.

How a sum becomes i8 is a function that never falls, with at most 255 steps. Another function that never falls is the
same one if both agree at the two ends of what the sums can be and on both sides of every step. So an offset and a
factor that pass between the steps are proved by some five hundred sums a channel.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scaling", "Steps", "find_scaling", "scaled_f32", "valid_scaling"]

type Array = NDArray[Any]

_LIMIT = 2**31 - 2**10  # no sum, moved or multiplied, comes near a wrap
_NEAR = np.arange(-3, 4)[:, None, None]  # where a step may lie, counted from where the real factor puts it
_NOTHING = 2.0**-33  # a factor that makes 0 of every sum
_CENTRES = (0, 11, -11, 23, -23, 37, -37)  # each lets the products round differently
_ULPS = sorted(range(-16, 17), key=abs)  # of the factor
_PLACES = (0.5, 0.25, 0.75, 0.1, 0.9, 0.4, 0.6)  # of the offset, between its bounds
_HOPELESS = 0.25  # of the channels without a product after the first round: the search ends there


@dataclass(frozen=True, slots=True)
class Steps:
    """How sums from `least` to `most` `[M]` become i8: by `exact`, of sums `[..., M]`, about `sum * factor + zero`.

    `factor` is above 0, and the results lie in `low..high`.
    """

    exact: Callable[[Array], Array]
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
    search = _Search(steps)
    for turn, (centre, ulps) in enumerate(product(_CENTRES, _ULPS)):
        if not len(search.left):
            return search.found
        if turn == 1 and len(search.left) > _HOPELESS * len(reach):
            return None
        search.turn(centre, ulps)
    return None


class _Search:
    """What was found so far, and the channels that are `left`."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        first, last = steps.exact(steps.least), steps.exact(steps.most)
        self._middle = (first + last) // 2 - steps.zero
        levels = np.arange(steps.low + 1, steps.high + 1)[:, None]
        self._half = levels - steps.zero - 0.5
        self._inside = (first < levels) & (levels <= last)  # [levels, M]: the sums cross this step
        about = np.ceil(self._half / steps.factor).clip(steps.least, steps.most).astype(np.int64)
        near = (about + _NEAR).clip(steps.least, steps.most)
        crossing = np.argmax(steps.exact(near) >= levels, axis=0)
        upper = np.take_along_axis(near, crossing[None], axis=0)[0]
        self._upper = np.where(self._inside, upper, steps.most)
        self._lower = np.where(self._inside, upper - 1, steps.least)
        self._sums = np.concatenate([self._lower, self._upper, [steps.least, steps.most]])
        self._results = steps.exact(self._sums)
        sides = np.split(self._results[:-2], 2)
        astray = self._inside & ~((sides[0] < levels) & (levels <= sides[1]))
        self._mirrored = np.any(self._inside & (self._half < 0), axis=0) & np.any(
            self._inside & (self._half > 0), axis=0
        )
        # Where all sums have one result the centre is all.
        self.found = Scaling(
            shift=np.zeros(len(first), np.int64),
            factor=np.full(len(first), _NOTHING, np.float32),
            offset=np.zeros(len(first), np.float32),
            centre=self._middle.astype(np.float32),
        )
        self.left = np.flatnonzero(first < last)
        self._factor = np.where(np.any(astray, axis=0), np.nan, steps.factor).astype(np.float32)

    def turn(self, centre: int, ulps: int) -> None:
        """Try offsets with factors that are `ulps` more, around the middle of the results and `centre`."""
        left = self.left
        mirrored = self._mirrored[left] & (centre == 0)
        centres = np.where(mirrored, 0, self._middle[left] + centre)
        factor = (self._factor[left].view(np.int32) + ulps).view(np.float32)
        goal = (self._half - centres) / factor.astype(np.float64)
        least, most = goal - self._upper[:, left], goal - self._lower[:, left]
        turned = mirrored & (self._half < 0)
        inside = self._inside[:, left]
        least, most = np.where(turned, -most, least), np.where(turned, -least, most)
        least = np.where(inside, least, -np.inf).max(axis=0)
        most = np.where(inside, most, np.inf).min(axis=0)
        done = np.zeros(len(left), bool)
        for place in _PLACES:
            offset = least + place * (most - least)
            shift = np.where(mirrored, 0, np.ceil(offset)).astype(np.int64)
            one = Scaling(shift, factor, (offset - shift).astype(np.float32), centres.astype(np.float32))
            good = self._proved(one) & ~done
            for field in Scaling.__slots__:
                getattr(self.found, field)[left[good]] = getattr(one, field)[good]
            done |= good
        self.left = left[~done]

    def _proved(self, one: Scaling) -> Array:
        """Whether a scaling of the channels that are left is right, for each."""
        s, sums = self._steps, self._sums[:, self.left] + one.shift
        results = scaled_f32(sums, one.factor, one.offset, one.centre) + s.zero
        right = results.clip(s.low, s.high) == self._results[:, self.left]
        return np.asarray(np.all(right, axis=0) & (np.abs(sums).max(axis=0) < _LIMIT))
