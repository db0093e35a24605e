"""How much may be made of a model file: a small one must neither fill the memory nor become a large plan."""

from collections.abc import Sequence
from math import inf, prod
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from edgefn.errors import ModelError

__all__ = ["Allowance"]

LEAST = 8 << 20
TIMES = 16
LOOKS = 1 << 26


class Allowance:
    """The bytes that all constants made from a file of `file_bytes` may have; without a size, there is no end.

    What lies in the file costs nothing, nor do views of what was counted before. How much passes may look at does not
    depend on the file.
    """

    def __init__(self, file_bytes: int | None = None) -> None:
        self._all = inf if file_bytes is None else LEAST + TIMES * file_bytes
        self._left = self._all
        self._looks = LOOKS
        self._counted: WeakValueDictionary[int, NDArray[Any]] = WeakValueDictionary()

    def affords(self, shape: Sequence[int]) -> bool:
        """Whether enough is left for a constant of this shape, with four bytes an element."""
        return 4 * prod(shape) <= self._left

    def demand(self, shape: Sequence[int], item_bytes: int = 4) -> None:
        """Refuse a constant that the allowance does not afford before it is made.

        Raises ModelError EFN-M008, as `count` and `spend` do.
        """
        self._need(item_bytes * prod(shape))

    def count(self, array: NDArray[Any]) -> None:
        """Count a constant."""
        root = array
        while isinstance(root.base, np.ndarray):
            root = root.base
        if root.flags.owndata and self._counted.get(id(root)) is not root:
            self._counted[id(root)] = root
            self.spend(root.nbytes)

    def look(self, elements: int) -> bool:
        """Count elements that a pass is about to look at one by one; whether it may, so that all take seconds."""
        self._looks -= elements
        return self._looks >= 0

    def spend(self, nbytes: int) -> None:
        """Count this many bytes."""
        self._need(nbytes)
        self._left -= nbytes

    def _need(self, nbytes: int) -> None:
        if nbytes > self._left:
            message = f"what the model computes of its constants has more than {self._all:,} bytes in all"
            raise ModelError("EFN-M008", message, hint="compute large constants before you export, or at run time")
