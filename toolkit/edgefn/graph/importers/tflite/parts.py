"""Tensors put together of parts, and parts taken of them: a loop's rounds replace one element of a list at a time.

Such a list is taken apart into what it was made of, so that n rounds do not copy it n times; and a part may be empty.
"""

from itertools import accumulate

import numpy as np

from edgefn.graph.importers.spans import Span, sliced
from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.ir import NUMPY, Tensor
from edgefn.graph.ops import Concat
from edgefn.graph.ops.concat import MAX_INPUTS

__all__ = ["joined", "taken"]


def joined(call: Call, parts: list[Tensor], axis: int) -> str:
    """Emit tensors one after another along an axis; shapes that differ elsewhere are malformed."""
    first = parts[0]
    for part in parts:
        if _others(part, axis) != _others(first, axis):
            call.malformed(f"shapes {first.shape} and {part.shape} differ outside axis {axis}")
    found = [t for p in parts for t in _made_of(call, p, axis) if t.size] or [first]
    names = tuple(t.name for t in found)
    while len(found) > MAX_INPUTS:
        found = [_joint(call, found[i : i + MAX_INPUTS], axis) for i in range(0, len(found), MAX_INPUTS)]
    whole = _joint(call, found, axis)
    if len(names) > 1:
        call.scope.joints[whole.name] = axis, names
    return whole.name


def _others(t: Tensor, axis: int) -> tuple[int, ...]:
    return (len(t.shape), *t.shape[:axis], *t.shape[axis + 1 :])


def _made_of(call: Call, t: Tensor, axis: int) -> list[Tensor]:
    """What a tensor was joined of along `axis` inside a loop, or the tensor itself."""
    joint = call.scope.joints.get(t.name)
    if call.scope.depth == 0 or joint is None or joint[0] != axis:
        return [t]
    return call.scope.graph.of(joint[1])


def _joint(call: Call, parts: list[Tensor], axis: int) -> Tensor:
    first = parts[0]
    if len(parts) == 1:
        return first
    shape = (*first.shape[:axis], sum(p.shape[axis] for p in parts), *first.shape[axis + 1 :])
    return call.scope.tensor(call.moved(Concat(axis), first, shape, *(p.name for p in parts[1:])))


def taken(call: Call, x: Tensor, spans: list[Span]) -> str:
    """Emit a part of `x`, which has a span for each axis."""
    if any(s.count == 0 for s in spans):
        empty = np.zeros([s.count for s in spans], NUMPY[x.dtype])
        return call.scope.constant(x.name, empty, x.quantization)
    axis, names = call.scope.joints.get(x.name, (0, ()))
    parts = call.scope.graph.of(names)
    ends = list(accumulate((p.shape[axis] for p in parts), initial=0))
    begin = spans[axis].begin if spans else 0
    end = begin + spans[axis].count if spans else 0
    whole = [i == axis or s == Span(0, 1, d) for i, (s, d) in enumerate(zip(spans, x.shape, strict=True))]
    if not parts or not all(whole) or spans[axis].step != 1 or begin not in ends or end not in ends:
        return sliced(call, x, spans)
    return joined(call, parts[ends.index(begin) : ends.index(end)], axis)
