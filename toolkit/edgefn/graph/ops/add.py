"""add: a + b, where b is as large as a, or a vector of the last dimension, or one element."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Packed, Step, factor, scalar_of
from edgefn.graph.ir import OPEN, Bounds, Node, Op, Tensor
from edgefn.graph.opcode import opcode
from edgefn.graph.ops.binary import FUNCTIONS
from edgefn.graph.ops.fixed import end, multiplier_of, scaled
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine, clamp, saturate
from edgefn.graph.view import View

__all__ = ["CODES", "Add", "lower"]

type Array = NDArray[Any]

LEFT_SHIFT = 20


@dataclass(frozen=True, slots=True)
class Add(Op):
    """Inputs a and b of one shape, or b a constant that broadcasts to a."""

    bounds: Bounds = OPEN


def lower(low: Lowering, node: Node, op: Add) -> Step:
    (a, b), y = low.operands(node)
    if y.dtype == "f32" and op.bounds.open and _repeats_in_the_middle(b, y):
        return Step(
            "binary",
            node,
            {"a": low.source(a.name), "b": low.source(b.name), "y": y.name, "function": FUNCTIONS.index("add")},
        )
    values = {"a": low.source(a.name), "b": _addend(low, b, y), "y": y.name, **low.bounds(op.bounds, y)}
    if y.dtype == "i8":
        (a_scale, a_zero), (b_scale, b_zero), (scale, zero) = scalar_of(a), scalar_of(b), scalar_of(y)
        values |= {"a_zero": a_zero, "b_zero": b_zero, "y_zero": zero}
        if low.fixed:
            values |= _fixed_factors(node, a_scale, b_scale, scale)
        else:
            values |= {"a_mult": factor(node, a_scale, scale), "b_mult": factor(node, b_scale, scale)}
    return Step(f"add_{low.kind(y.dtype)}", node, values)


def _repeats_in_the_middle(b: Tensor, y: Tensor) -> bool:
    """Whether add_f32 would need a constant spread over the whole shape."""
    return b.size not in {1, y.size} and b.size != prod(b.shape[-1:]) and b.constant is not None


def _fixed_factors(node: Node, a_scale: float, b_scale: float, y_scale: float) -> dict[str, int]:
    """Both operands in steps of twice the larger scale, with LEFT_SHIFT bits behind the point; then in those of y."""
    step = 2 * max(a_scale, b_scale)
    reals = {"a": a_scale / step, "b": b_scale / step, "y": step / (2.0**LEFT_SHIFT * y_scale)}
    values = {}
    for name, real in reals.items():
        values[f"{name}_mult"], values[f"{name}_shift"] = multiplier_of(node, real, highest=0)
    return values


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


def _i8(m: Machine, op: PlanOp) -> Array:
    a, b = (v.astype(np.int32) for v in _operands(m, op))
    left = (a - op["a_zero"]).astype(np.float32) * np.float32(op["a_mult"])
    right = (b - op["b_zero"]).astype(np.float32) * np.float32(op["b_mult"])
    return saturate(left + right, op["y_zero"], op["low"], op["high"])


def _addends(m: Machine, op: PlanOp) -> tuple[Array, Array]:
    a, b = (v.astype(np.int64) for v in _operands(m, op))
    return (a - op["a_zero"]) << LEFT_SHIFT, (b - op["b_zero"]) << LEFT_SHIFT


def _q8(m: Machine, op: PlanOp) -> Array:
    a, b = _addends(m, op)
    total = scaled(a, op["a_mult"], op["a_shift"]) + scaled(b, op["b_mult"], op["b_shift"])
    return end(scaled(total, op["y_mult"], op["y_shift"]), op["y_zero"], op["low"], op["high"])


_FACTORS = " ".join(f"{part}_mult:multiplier {part}_shift:shift" for part in "aby")
_ENDS = "a_zero:i8 b_zero:i8 y_zero:i8 low:i8 high:i8"

CODES = (
    opcode(7, "add_f32", "*a *b *y low:bound high:bound", _check, _f32, in_place="a b"),
    opcode(8, "add_i8", f"*a *b *y .a_mult .b_mult {_ENDS}", _check, _i8, in_place="a b"),
    opcode(
        26,
        "add_q8",
        f"*a *b *y {_FACTORS} {_ENDS}",
        _check,
        _q8,
        in_place="a b",
    ),
)
