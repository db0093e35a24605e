"""How the engine reads a convolution's input: what a block of pixels sees of it, and i8 weights to fit."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.ir import Shape, Window
from edgefn.graph.ops.pack import pack_matrix_i8, round_up, unpack_matrix_i8

__all__ = ["Field"]

type Array = NDArray[Any]

MAX_PIXELS = 96  # of a block
ROOM = 32  # bytes that vectors read beside the lines


@dataclass(frozen=True, slots=True)
class Field:
    """A convolution of images `x` `[N, H, W, C]` to `y` `[N, OH, OW, M]`, in elements: f32 or, of i8, i16.

    A run is what lies side by side of a window: a kernel row, or one tap when it is dilated.
    """

    dtype: str
    window: Window
    x: Shape
    y: Shape

    @property
    def runs(self) -> int:
        """Of a window."""
        return prod(self.window.kernel) // self._taps

    @property
    def k2(self) -> int:
        """Products of an i8 sum, every run rounded up to 2."""
        return self.runs * round_up(self._run, 2)

    @property
    def pitch(self) -> int:
        """From one line of input to the next."""
        if self.in_place:
            return self._flat_x[1] * self.x[3]
        stride = self.window.stride[1]
        pitch = ((self._block[1] - 1) * stride + self._reach[1]) * self.x[3]
        return pitch if self.dtype == "f32" else round_up(pitch, 2)

    @property
    def in_place(self) -> bool:
        """Whether windows are read in x: of f32, by vectors of four, and inside."""
        if self.dtype != "f32" or self._run % 4 or (self.window.kernel[0] > 1 and prod(self.y[:3]) == 1):
            return False
        axes = zip(self._flat_x, self._flat_y, self.window.stride, self._reach, self.window.pad, strict=True)
        return all(pad == 0 and (out - 1) * stride + reach <= size for size, out, stride, reach, pad in axes)

    @property
    def scratch(self) -> int:
        """Bytes of working memory."""
        if self.in_place:
            return self.runs * 4
        apart = 1 if self.window.kernel[0] == 1 else self.window.stride[0]
        lines = (self._block[0] - 1) * apart + self._reach[0]
        return self.runs * 4 + lines * self.pitch * (4 if self.dtype == "f32" else 2) + ROOM

    def pack(self, w: Array) -> bytes:
        """I8 weights `[M, K]` as `[M/8][K2/2][8][2]`."""
        runs = w.reshape(len(w), self.runs, self._run)
        return pack_matrix_i8(np.pad(runs, ((0, 0), (0, 0), (0, self._run % 2))).reshape(len(w), -1))

    def unpack(self, data: bytes) -> Array:
        """I8 weights `[M, K]` of what `pack` made."""
        w = unpack_matrix_i8(data, self.y[3], self.k2)
        return w.reshape(len(w), self.runs, -1)[:, :, : self._run].reshape(len(w), -1)

    @property
    def _taps(self) -> int:
        return self.window.kernel[1] if self.window.dilation[1] == 1 else 1

    @property
    def _run(self) -> int:
        return self._taps * self.x[3]

    @property
    def _reach(self) -> tuple[int, int]:
        (kh, kw), (down, across) = self.window.kernel, self.window.dilation
        return (kh - 1) * down + 1, (kw - 1) * across + 1

    @property
    def _is_flat(self) -> bool:
        """Whether it only combines channels: all pixels are one row then."""
        return (self.window.kernel, self.window.stride) == ((1, 1), (1, 1)) and self.x[:3] == self.y[:3]

    @property
    def _flat_x(self) -> tuple[int, int]:
        return (1, prod(self.x[:3])) if self._is_flat else (self.x[1], self.x[2])

    @property
    def _flat_y(self) -> tuple[int, int]:
        return (1, prod(self.y[:3])) if self._is_flat else (self.y[1], self.y[2])

    @property
    def _block(self) -> tuple[int, int]:
        """Rows and columns of pixels."""
        height, width = self._flat_y
        columns = min(MAX_PIXELS, width)
        return min(MAX_PIXELS // columns, height), columns
