"""How the engine lays out an i8 convolution: what a block of pixels sees of the input, and the weights to fit."""

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
ROOM = 16  # elements that vectors read beside the lines


@dataclass(frozen=True, slots=True)
class Field:
    """A convolution of images `x` `[N, H, W, C]` to `y` `[N, OH, OW, M]`. Lengths are in elements of i16.

    A run is what lies side by side of a window: a kernel row, or one tap when it is dilated.
    """

    window: Window
    x: Shape
    y: Shape

    @property
    def runs(self) -> int:
        """Of a window."""
        return prod(self.window.kernel) // self._taps

    @property
    def k2(self) -> int:
        """Products of a sum, every run rounded up to 2."""
        return self.runs * round_up(self._run, 2)

    @property
    def pitch(self) -> int:
        """From one line of input to the next."""
        (_, kw), (_, stride), (_, dilation) = self.window.kernel, self.window.stride, self.window.dilation
        return round_up(((self._block[1] - 1) * stride + (kw - 1) * dilation + 1) * self.x[3], 2)

    @property
    def scratch(self) -> int:
        """Bytes of working memory."""
        (kh, _), (stride, _), (dilation, _) = self.window.kernel, self.window.stride, self.window.dilation
        lines = (self._block[0] - 1) * (1 if kh == 1 else stride) + (kh - 1) * dilation + 1
        return self.runs * 4 + (lines * self.pitch + ROOM) * 2

    def pack(self, w: Array) -> bytes:
        """Weights `[M, K]` i8 as `[M/8][K2/2][8][2]`."""
        runs = w.reshape(len(w), self.runs, self._run)
        return pack_matrix_i8(np.pad(runs, ((0, 0), (0, 0), (0, self._run % 2))).reshape(len(w), -1))

    def unpack(self, data: bytes) -> Array:
        """Weights `[M, K]` i8 of what `pack` made."""
        w = unpack_matrix_i8(data, self.y[3], self.k2)
        return w.reshape(len(w), self.runs, -1)[:, :, : self._run].reshape(len(w), -1)

    @property
    def _taps(self) -> int:
        return self.window.kernel[1] if self.window.dilation[1] == 1 else 1

    @property
    def _run(self) -> int:
        return self._taps * self.x[3]

    @property
    def _block(self) -> tuple[int, int]:
        """Rows and columns of pixels; what only combines channels sees all pixels in one row."""
        n, height, width, _ = self.y
        if (self.window.kernel, self.window.stride) == ((1, 1), (1, 1)) and self.x[:3] == self.y[:3]:
            height, width = 1, n * height * width
        columns = min(MAX_PIXELS, width)
        return min(MAX_PIXELS // columns, height), columns
