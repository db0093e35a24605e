"""add: a + b, where b is as large as a, or a vector of the last dimension, or one element."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Packed, Step, factor, scalar_of
from edgefn.graph.ir import OPEN, Bounds, Node, Op, Tensor
from edgefn.graph.opcode import opcode
from edgefn.graph.ops.binary import Binary
from edgefn.graph.ops.binary import lower as lower_binary
from edgefn.graph.ops.binary_q8 import BinaryQ8
from edgefn.graph.ops.binary_q8 import lower as lower_q8
from edgefn.graph.ops.linear import BYTES, Linear, linear_of
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine, clamp, saturate
from edgefn.graph.view import View

__all__ = ["CODES", "Add", "lower"]

type Array = NDArray[Any]

LOOKS = 1 << 17  # for a search that takes a few milliseconds


@dataclass(frozen=True, slots=True)
class Add(Op):
    """Inputs a and b of one shape, or b a constant that broadcasts to a."""

    bounds: Bounds = OPEN


def lower(low: Lowering, node: Node, op: Add) -> Step:
    (_, b), y = low.operands(node)
    if y.dtype == "i8":
        return _integers(low, node, op)
    if op.bounds.open and _repeats_in_the_middle(b, y):
        return lower_binary(low, node, Binary("add"))
    return Step("add_f32", node, _tensors(low, node) | low.bounds(op.bounds, y))


def _integers(low: Lowering, node: Node, op: Add) -> Step:
    """As a linear form where one gives the same for all pairs of bytes, else as what it stands for."""
    (a, b), y = low.operands(node)
    (a_scale, a_zero), (b_scale, b_zero), (scale, zero) = scalar_of(a), scalar_of(b), scalar_of(y)
    tensors, bounds, pairs = _tensors(low, node), low.bounds(op.bounds, y), (BYTES[:, None], BYTES)
    if low.fixed:
        fixed = BinaryQ8("add", op.bounds)
        exact, table = lower_q8(low, node, fixed), fixed.of(node, (a, b, y), *pairs)
    else:
        mults = {"a_mult": factor(node, a_scale, scale), "b_mult": factor(node, b_scale, scale)}
        words = {**mults, "a_zero": a_zero, "b_zero": b_zero, "y_zero": zero, **bounds}
        exact, table = Step("add_i8", node, tensors | words), _rounded(*pairs, words)
    if not low.graph.allowance.look(LOOKS):
        return exact
    form = linear_of(table, (a_scale / scale, b_scale / scale), **bounds)
    return exact if form is None else Step("add_linear_i8", node, tensors | form.words() | bounds)


def _tensors(low: Lowering, node: Node) -> dict[str, Any]:
    (a, b), y = low.operands(node)
    return {"a": low.source(a.name), "b": _addend(low, b, y), "y": y.name}


def _repeats_in_the_middle(b: Tensor, y: Tensor) -> bool:
    """Whether add_f32 would need a constant spread over the whole shape."""
    return b.size not in {1, y.size} and b.size != prod(b.shape[-1:]) and b.constant is not None


def _addend(low: Lowering, b: Tensor, y: Tensor) -> str | Packed:
    """The second operand as it is, as a vector, or spread over the whole shape."""
    if b.constant is None:
        return low.source(b.name)
    vector = b.shape[-1:] == y.shape[-1:] and b.size == prod(y.shape[-1:])
    shape = (b.size,) if vector or b.size == 1 else y.shape
    value = np.broadcast_to(b.constant, y.shape) if shape == y.shape else b.constant.reshape(shape)
    return Packed(b.dtype, shape, np.ascontiguousarray(value).tobytes(), b.quantization)


def _check(v: View) -> None:
    real = "f32" if v.name == "add_f32" else "i8"
    v.dtypes(a=real, b=real, y=real)
    a, b, y = v.tensor["a"], v.tensor["b"], v.tensor["y"]
    v.need(a.size == y.size, "a and y differ in size")
    v.need(b.size in {y.size, y.last, 1}, "b does not fit a")
    v.whole("a", "b")


def _operands(m: Machine, op: PlanOp) -> tuple[Array, Array]:
    """Operand a in the shape of y, and b as a whole, as a vector of the last dimension, or as one element."""
    y, b = m.tensor(op, "y"), m.get(op, "b")
    return m.get(op, "a").reshape(y.dims), b.reshape(y.dims if b.size == y.size else -1)


def _f32(m: Machine, op: PlanOp) -> Array:
    a, b = _operands(m, op)
    return clamp(a + b, op)


def _rounded(a: Array, b: Array, words: dict[str, Any] | PlanOp) -> Array:
    left = (a.astype(np.int32) - words["a_zero"]).astype(np.float32) * np.float32(words["a_mult"])
    right = (b.astype(np.int32) - words["b_zero"]).astype(np.float32) * np.float32(words["b_mult"])
    return saturate(left + right, words["y_zero"], words["low"], words["high"])


def _i8(m: Machine, op: PlanOp) -> Array:
    return _rounded(*_operands(m, op), op)


def _form_of(op: PlanOp) -> Linear:
    return Linear(op["a_factor"], op["b_factor"], op["offset"], op["shift"])


def _check_linear(v: View) -> None:
    form = _form_of(v.op)
    v.need(form.shift <= 31, f"shift is {form.shift}")
    v.need(form.fits, f"{form} does not fit in 32 bits")
    _check(v)


def _linear(m: Machine, op: PlanOp) -> Array:
    return np.clip(_form_of(op).of(*_operands(m, op)), op["low"], op["high"])


_ENDS = "a_zero:i8 b_zero:i8 y_zero:i8 low:i8 high:i8"

CODES = (
    opcode(7, "add_f32", "*a *b *y low:bound high:bound", _check, _f32, in_place="a b"),
    opcode(8, "add_i8", f"*a *b *y .a_mult .b_mult {_ENDS}", _check, _i8, in_place="a b"),
    opcode(
        63,
        "add_linear_i8",
        "*a *b *y -a_factor -b_factor -offset shift low:i8 high:i8",
        _check_linear,
        _linear,
        in_place="a b",
    ),
)
