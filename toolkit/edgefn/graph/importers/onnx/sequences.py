"""Sequences of tensors, as exporters write lists: what they hold is known at import, so that no op is left of them."""

import numpy as np

from edgefn.graph.importers.onnx.movement import joined, unsqueezed
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.importers.spans import divided

__all__ = ["at", "concat", "construct", "empty", "erase", "insert", "length", "split"]

type Names = tuple[str, ...]

MAX_LENGTH = 65_536


def empty(call: Call) -> str:
    return _new(call, ())


def construct(call: Call) -> str:
    return _new(call, tuple(call.input(i).name for i in range(len(call.node.inputs))))


def insert(call: Call) -> str:
    """At the end, or in front of a position."""
    held, one = _held(call), call.input(1).name
    place = _place(call, 2, len(held) + 1) if call.has(2) else len(held)
    return _new(call, (*held[:place], one, *held[place:]))


def erase(call: Call) -> str:
    """The last, or the one at a position."""
    held = _held(call)
    place = _place(call, 1, len(held)) if call.has(1) else len(held) - 1
    if not held:
        call.malformed("the sequence is empty")
    return _new(call, (*held[:place], *held[place + 1 :]))


def at(call: Call) -> str:
    held = _held(call)
    return held[_place(call, 1, len(held))]


def length(call: Call) -> str:
    return call.scope.constant(call.node.outputs[0], np.array(len(_held(call)), np.int64))


def split(call: Call) -> str:
    """Parts of a constant size, the last perhaps smaller, or of constant sizes."""
    x = call.value(0)
    axis = call.axis(call.attribute("axis", 0), len(x.shape))
    whole = x.shape[axis]
    one = not call.has(1) or call.constant(1).ndim == 0
    size = call.whole(1) if call.has(1) and one else 1
    if one and size < 1:
        call.malformed(f"parts of {size} elements")
    sizes = [min(size, whole - i) for i in range(0, whole, size)] if one else call.integers(1)
    if sum(sizes) != whole or any(n < 1 for n in sizes):
        call.malformed(f"parts of {sizes} elements of {x.shape} along axis {axis}")
    parts = divided(call, x, axis, sizes)
    if not call.has(1) and not call.attribute("keepdims", 1):
        shape = (*x.shape[:axis], *x.shape[axis + 1 :])
        parts = tuple(call.reshape(part, shape) for part in parts)
    return _new(call, parts)


def concat(call: Call) -> str:
    """Put the tensors behind one another, along an axis that they have or a new one."""
    parts = [call.scope.running(name) for name in _held(call)]
    if not parts:
        call.refuse("an empty sequence")
    new = bool(call.attribute("new_axis", 0))
    axis = call.axis(call.attribute("axis", 0), len(parts[0].shape) + new)
    if new:
        shapes = [unsqueezed(call, p.shape, (axis,)) for p in parts]
        parts = [call.scope.tensor(call.reshape(p.name, s)) for p, s in zip(parts, shapes, strict=True)]
    others = {(p.dtype, *p.shape[:axis], -1, *p.shape[axis + 1 :]) for p in parts}
    if len(others) > 1:
        call.malformed(f"tensors of shapes {[p.shape for p in parts[:9]]} along axis {axis}")
    return joined(call, axis, parts)


def _held(call: Call) -> Names:
    known = call.known(0)
    if known not in call.scope.sequences:
        call.malformed(f"input {call.node.inputs[0]!r} is no sequence")
    return call.scope.sequences[known]


def _new(call: Call, tensors: Names) -> str:
    """A name that stands for a sequence."""
    if len(tensors) > MAX_LENGTH:
        call.refuse(f"a sequence of {len(tensors):,} tensors")
    name = f"sequence {len(call.scope.sequences)} {call.label}"
    call.scope.sequences[name] = tensors
    return name


def _place(call: Call, index: int, count: int) -> int:
    """A constant position among so many, which may count from the end."""
    place = call.whole(index)
    if not -count <= place < count:
        call.malformed(f"position {place} among {count} tensors")
    return place % count
