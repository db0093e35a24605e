"""Where an image that is scaled comes from: for every element along an axis, a few neighbours and their weights."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.importers.call import Call
from edgefn.graph.ir import Tensor
from edgefn.graph.ops import Gather, Repeat, Resample

__all__ = ["TAP_WORDS", "Array", "Taps", "cubic", "linear", "nearest", "resampled"]

type Array = NDArray[Any]

TAP_WORDS = 64  # of four bytes, for each place on the way to its taps


@dataclass(frozen=True, slots=True, eq=False)
class Taps:
    """Indices i32 and weights f32, both `[length, taps]`."""

    index: Array
    weight: Array

    @property
    def plain(self) -> Array | None:
        """Return the indices `[length]` of elements that are copied, when nothing is weighed."""
        if not bool(np.isin(self.weight, (0, 1)).all() and (self.weight.sum(axis=1) == 1).all()):
            return None
        return np.asarray(self.index[np.arange(len(self.index)), self.weight.argmax(axis=1)])


def nearest(places: Array, length: int) -> Taps:
    """Single elements: whole `places` in an axis of `length`, held inside."""
    index = np.clip(places, 0, length - 1).astype(np.int32)
    return Taps(index.reshape(-1, 1), np.ones((len(index), 1), np.float32))


def linear(places: Array, length: int, *, scale: float = 1.0, outside: bool = True) -> Taps:
    """The two neighbours of each of `places`, f32; with a `scale` below 1, all that a triangle as wide covers.

    Without `outside`, neighbours beyond the ends do not count; otherwise the elements at the ends stand for them.
    """
    reach = 1.0 if scale >= 1 else 1 / scale
    return _taps(places, length, reach, lambda x: np.maximum(1 - np.abs(x), 0), outside=outside)


def cubic(places: Array, length: int, *, a: float, scale: float = 1.0, outside: bool = True) -> Taps:
    """As `linear`, with the four neighbours weighed by Keys' cubic of parameter `a`."""

    def kernel(x: Array) -> Array:
        x = np.abs(x)
        near = ((a + 2) * x - (a + 3)) * x * x + 1
        far = ((x - 5) * x + 8) * x * a - 4 * a
        return np.where(x <= 1, near, np.where(x < 2, far, 0))

    return _taps(places, length, 2.0 if scale >= 1 else 2 / scale, kernel, outside=outside, support=2.0)


def _taps(
    places: Array,
    length: int,
    reach: float,
    kernel: Callable[[Array], Array],
    *,
    outside: bool,
    support: float = 1.0,
) -> Taps:
    """Weights by a kernel that is zero from `support` on, stretched to `reach` elements."""
    first = np.floor(places).astype(np.int64)
    behind = int(np.ceil(reach)) - 1
    offsets = np.arange(-behind, behind + 2)
    index = first[:, None] + offsets
    # The fraction in f32, as the runtimes have it, then in f64.
    fraction = (places - first.astype(places.dtype)).astype(np.float64)
    weight = kernel((offsets - fraction[:, None]) * (support / reach))
    if not outside:
        weight = np.where((index >= 0) & (index < length), weight, 0)
    if not outside or reach > support:
        weight = weight / weight.sum(axis=1, keepdims=True)
    return Taps(np.clip(index, 0, length - 1).astype(np.int32), weight.astype(np.float32))


def resampled(call: Call, x: Tensor, taps: Mapping[int, Taps]) -> str:
    """Scale axes one after another, as cheaply as their taps allow."""
    counts = {axis: _repeats(one, x.shape[axis]) for axis, one in taps.items()}
    if any(counts.values()):
        every = tuple(counts.get(axis, 0) or 1 for axis in range(len(x.shape)))
        shape = tuple(n * c for n, c in zip(x.shape, every, strict=True))
        x = call.scope.tensor(call.moved(Repeat(every), x, shape))
    for axis, one in taps.items():
        if not counts[axis]:
            x = call.scope.tensor(_along(call, x, axis, one))
    return x.name


def _repeats(taps: Taps, length: int) -> int:
    """How often every element is repeated, when nothing else happens; else 0."""
    count, rest = divmod(len(taps.index), length)
    if not count or rest or taps.plain is None:
        return 0
    return count if np.array_equal(taps.plain, np.arange(length).repeat(count)) else 0


def _along(call: Call, x: Tensor, axis: int, taps: Taps) -> str:
    shape = (*x.shape[:axis], len(taps.index), *x.shape[axis + 1 :])
    if taps.plain is not None:
        return call.moved(Gather(axis), x, shape, call.scope.constant(f"{x.name}.index", taps.plain))
    tables = (call.scope.constant(f"{x.name}.{part}", getattr(taps, part)) for part in ("index", "weight"))
    return call.moved(Resample(axis), x, shape, *tables)
