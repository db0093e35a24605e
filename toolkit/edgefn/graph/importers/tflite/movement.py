"""Operators that move or rename data: RESHAPE, SQUEEZE, EXPAND_DIMS, TRANSPOSE, CONCATENATION, PAD."""

import numpy as np

from edgefn.graph.importers.bounds import MAX_DIM
from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.ir import NUMPY, Tensor
from edgefn.graph.ops import Concat, Transpose

__all__ = ["concatenation", "named_again", "pad", "transpose"]

MAX_CONCAT = 64


def named_again(call: Call) -> str:
    """The same elements under the shape that the file declares: RESHAPE, SQUEEZE, EXPAND_DIMS."""
    x = call.input(0)
    call.same_quantization(x)
    return call.reshape(x.name, call.output.shape)


def transpose(call: Call) -> str:
    x = call.input(0)
    call.same_quantization(x)
    perm = tuple(int(p) for p in call.constant(1).reshape(-1))
    if sorted(perm) != list(range(len(x.shape))):
        call.malformed(f"perm {perm} of a tensor of rank {len(x.shape)}")
    return call.emit(Transpose(perm), (x.name,), [x.shape[p] for p in perm], x)


def concatenation(call: Call) -> str:
    parts = [call.numbers(i) for i in range(len(call.op.inputs))]
    if not 1 <= len(parts) <= MAX_CONCAT:
        call.refuse(f"{len(parts)} inputs; 1 to {MAX_CONCAT} are supported")
    first = parts[0]
    axis = call.axis(call.option("axis"), len(first.shape))
    for part in parts:
        call.same_quantization(part)
        if _others(part, axis) != _others(first, axis):
            call.malformed(f"shapes {first.shape} and {part.shape} differ outside axis {axis}")
    shape = (*first.shape[:axis], sum(p.shape[axis] for p in parts), *first.shape[axis + 1 :])
    return call.activated(call.emit(Concat(axis), [p.name for p in parts], shape))


def _others(t: Tensor, axis: int) -> tuple[int, ...]:
    return (len(t.shape), *t.shape[:axis], *t.shape[axis + 1 :])


def pad(call: Call) -> str:
    """Zeros around every dimension, one concat a dimension."""
    x = call.numbers(0)
    call.same_quantization(x)
    widths = call.constant(1)
    if widths.shape != (len(x.shape), 2) or bool(((widths < 0) | (widths > MAX_DIM)).any()):
        call.malformed(f"paddings {widths.tolist()} of a tensor of rank {len(x.shape)}")
    name = x.name
    for axis, (before, after) in enumerate(widths.tolist()):
        name = _padded(call, name, axis, before, after)
    return name


def _padded(call: Call, name: str, axis: int, before: int, after: int) -> str:
    t = call.scope.tensor(name)
    parts = [_zeros(call, t, axis, before), name, _zeros(call, t, axis, after)]
    if parts == ["", name, ""]:
        return name
    shape = (*t.shape[:axis], t.shape[axis] + before + after, *t.shape[axis + 1 :])
    return call.emit(Concat(axis), [part for part in parts if part], shape, t)


def _zeros(call: Call, t: Tensor, axis: int, width: int) -> str:
    """A constant of zeros like `t`, `width` along `axis`; empty when there is nothing to add."""
    if width == 0:
        return ""
    shape = (*t.shape[:axis], width, *t.shape[axis + 1 :])
    call.scope.check_size(call.label, shape)
    zero = t.quantization.scalar[1] if t.quantization else 0
    return call.scope.constant(f"{call.label}.zeros", np.full(shape, zero, NUMPY[t.dtype]), t.quantization)
