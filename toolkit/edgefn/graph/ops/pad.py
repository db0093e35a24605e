"""pad: a constant around the input."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step
from edgefn.graph.ir import NUMPY, Node, Op, Tensor, unpermuted
from edgefn.graph.opcode import opcode
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine
from edgefn.graph.view import View

__all__ = ["CODES", "Pad", "lower", "pad_value"]

type Array = NDArray[Any]

MAX_RANK = 6
_BEGINS = [f"b{i}" for i in range(MAX_RANK)]


@dataclass(frozen=True, slots=True)
class Pad(Op):
    """Elements in front, one count for each axis; how many follow says the output's shape.

    `value` is in real units when the tensor is quantized.
    """

    begin: tuple[int, ...]
    value: float = 0.0

    def of(self, x: Array, y: Tensor) -> Array:
        """What the op makes of an array, in the shape and quantization of `y`."""
        sizes = zip(self.begin, x.shape, y.shape, strict=True)
        return np.pad(x, [(b, big - b - small) for b, small, big in sizes], constant_values=pad_value(self, y))

    def before(self, perm: tuple[int, ...]) -> "Pad":
        return Pad(unpermuted(self.begin, perm), self.value)


def lower(low: Lowering, node: Node, op: Pad) -> Step:
    _, y = low.operands(node)
    bits = int.from_bytes(pad_value(op, y).tobytes(), "little")
    begins = (*op.begin, *[0] * (MAX_RANK - len(op.begin)))
    return low.unary(node, "pad", **dict(zip(_BEGINS, begins, strict=True)), value=bits)


def pad_value(op: Pad, t: Tensor) -> Array:
    """The element that stands for the value in a tensor."""
    if t.quantization is None:
        return np.array(op.value).astype(NUMPY[t.dtype])
    scale, zero = t.quantization.scalar
    ends = np.iinfo(NUMPY[t.dtype])
    return np.asarray(np.clip(np.rint(op.value / scale) + zero, ends.min, ends.max), NUMPY[t.dtype])


def _check(v: View) -> None:
    x, y, begins = v.tensor["x"], v.tensor["y"], [v.op[b] for b in _BEGINS]
    v.need(x.dtype == y.dtype and len(x.dims) == len(y.dims), "x and y differ in dtype or rank")
    v.whole("x")
    v.need(x.dtype in {"f32", "i32"} or v.op["value"] <= 255, f"value is {v.op['value']}")
    v.need(not any(begins[len(x.dims) :]), f"begins {begins} at rank {len(x.dims)}")
    inside = all(b + n <= m for b, n, m in zip(begins, x.dims, y.dims, strict=False))
    v.need(inside, f"x {x.dims} behind {begins} is not inside y {y.dims}")


def _value(m: Machine, op: PlanOp) -> Array:
    x, y = m.get(op, "x"), m.tensor(op, "y")
    value = np.frombuffer(int(op["value"]).to_bytes(4, "little"), x.dtype)[0]
    widths = [(op[b], big - op[b] - small) for b, big, small in zip(_BEGINS, y.dims, x.shape, strict=False)]
    return np.pad(x, widths, constant_values=value) if widths else x


CODES = (opcode(35, "pad", f"*x *y {' '.join(_BEGINS)} value", _check, _value),)
