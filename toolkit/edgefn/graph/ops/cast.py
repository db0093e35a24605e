"""cast: numbers in another dtype. f32 is cut towards 0 and saturates; integers keep their low bits."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step
from edgefn.graph.ir import Node, Op
from edgefn.graph.opcode import opcode
from edgefn.graph.view import View

__all__ = ["CODES", "Cast", "lower", "numbers_as"]

type Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Cast(Op):
    """To the dtype of the output."""

    def before(self, perm: tuple[int, ...]) -> "Cast":
        return self


def lower(low: Lowering, node: Node, _op: Cast) -> Step:
    return low.unary(node, "cast")


def numbers_as(x: Array, dtype: np.dtype[Any]) -> Array:
    """What cast makes of `x`."""
    if x.dtype.kind == "f" and dtype.kind in "iu":
        ends = np.iinfo(dtype)
        return np.clip(np.trunc(np.nan_to_num(x.astype(np.float64), posinf=2.0**31)), ends.min, ends.max).astype(dtype)
    with np.errstate(over="ignore"):
        return x.astype(dtype)


def _check(v: View) -> None:
    v.equal_sizes()


CODES = (opcode(33, "cast", "*x *y", _check, lambda m, op: numbers_as(m.get(op, "x"), m.get(op, "y").dtype)),)
