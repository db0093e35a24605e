"""How far two arrays of reals are apart, over as many pairs of them as there are."""

from dataclasses import dataclass, field
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Difference", "Meter"]

type Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Difference:
    """`relative` is `rmse` as a part of the root mean square of the first; None where that is 0, as `cosine` then is.

    `odd` counts values that are infinite or no number in one of the two only; the figures leave them out.
    """

    largest: float
    rmse: float
    relative: float | None
    cosine: float | None
    odd: int

    def exceeds(self, threshold: float) -> bool:
        """Whether they are further apart than `threshold`, taken as `relative`."""
        return self.odd > 0 or (self.rmse > 0 if self.relative is None else self.relative > threshold)


@dataclass(slots=True)
class Meter:
    """Sums over the pairs of arrays that were added."""

    count: int = 0
    largest: float = 0.0
    odd: int = 0
    sums: Reals = field(default_factory=lambda: np.zeros(4))  # of (a - b)^2, a^2, b^2, a * b

    def add(self, a: NDArray[Any], b: NDArray[Any]) -> None:
        a, b = (np.asarray(v, np.float64).ravel() for v in (a, b))
        alike = (a == b) | (np.isnan(a) & np.isnan(b))
        finite = np.isfinite(a) & np.isfinite(b)
        self.odd += int(np.count_nonzero(~(alike | finite)))
        a, b = a[finite], b[finite]
        self.count += len(a)
        self.largest = max(self.largest, float(np.abs(a - b).max(initial=0)))
        self.sums += [np.square(a - b).sum(), a @ a, b @ b, a @ b]

    @property
    def difference(self) -> Difference:
        error, a, b, product = (float(v) for v in self.sums)
        rmse = sqrt(error / self.count) if self.count else 0.0
        cosine = product / sqrt(a) / sqrt(b) if a and b else None
        return Difference(self.largest, rmse, sqrt(error / a) if a else None, cosine, self.odd)
