"""Constant weights on their way into a convolution: numbers, or integers that have scales, cut and joined alike."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.ir import Quantization

__all__ = ["Kernel"]

type Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """Weights with their output channels first, `[M, ...]`, or a bias `[M]`; scales are one, or one an output."""

    name: str
    value: Array
    quantization: Quantization | None = None

    @classmethod
    def of(cls, name: str, value: Array, q: Quantization | None) -> "Kernel":
        """Integers with scales along another axis than the outputs become the numbers that they mean."""
        return cls(name, value, q) if q is None or q.axis in {None, 0} else cls(name, q.real(value))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    def arranged(self, *perm: int) -> "Kernel":
        """Weights with the axes behind the outputs in another order."""
        return replace(self, value=self.value.transpose(0, *perm))

    def outputs(self, chosen: Sequence[int]) -> "Kernel":
        """Some of the outputs, in the order in which they are named; one may be named twice."""
        return self.joined(self.value[list(chosen)], chosen)

    def joined(self, value: Array, outputs: Sequence[int]) -> "Kernel":
        """Another arrangement of these weights, the outputs of which have the scales of these `outputs`."""
        q = self.quantization
        if q is not None and q.axis is not None:
            q = Quantization(q.scale[list(outputs)], q.zero_point[list(outputs)], 0)
        return replace(self, value=value, quantization=q)

    def taps(self, axis: int, chosen: Sequence[int]) -> "Kernel":
        """Some of what lies along an axis, in the order in which it is named; -1 is what means zero."""
        shape = tuple(1 if i == axis else n for i, n in enumerate(self.shape))
        wide = np.concatenate([self.value, np.broadcast_to(self._zeros(), shape)], axis)
        return replace(self, value=wide.take(list(chosen), axis))

    def merged(self, groups: int) -> "Kernel":
        """Weights `[M, ..., C]` of so many groups as those of one, `[M, ..., groups * C]`, zero between groups."""
        each, depth = self.shape[0] // groups, self.shape[-1]
        whole = np.broadcast_to(self._zeros(), (*self.shape[:-1], groups * depth)).copy()
        for g in range(groups):
            own = slice(g * each, (g + 1) * each)
            whole[own, ..., g * depth : (g + 1) * depth] = self.value[own]
        return replace(self, value=whole)

    def along(self, axis: int) -> "tuple[Array, Quantization | None]":
        """Value and quantization with the outputs along another axis than the first."""
        q = self.quantization
        moved = replace(q, axis=axis) if q is not None and q.axis is not None else q
        return np.moveaxis(self.value, 0, axis), moved

    def _zeros(self) -> Array:
        """What means zero, for every output: `[M, 1, ...]`."""
        points = np.zeros(1) if self.quantization is None else self.quantization.zero_point
        full = np.broadcast_to(points, self.shape[:1]).astype(self.value.dtype)
        return full.reshape(-1, *[1] * (self.value.ndim - 1))
