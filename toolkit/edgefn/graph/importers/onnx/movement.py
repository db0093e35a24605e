"""Ops that move or rename data: Reshape, Flatten, Squeeze, Unsqueeze, Transpose, Concat."""

from collections.abc import Sequence
from math import prod

from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.ir import Tensor
from edgefn.graph.ops import Concat
from edgefn.graph.ops.concat import MAX_INPUTS

__all__ = ["concat", "flatten", "joined", "reshape", "squeeze", "target_shape", "transpose", "unsqueeze", "unsqueezed"]


def reshape(call: Call) -> str:
    x = call.input(0)
    if call.constant(1).ndim != 1:
        call.malformed("the shape is not a vector")
    return call.reshape(x.name, target_shape(call, x.shape, call.integers(1), bool(call.attribute("allowzero", 0))))


def target_shape(call: Call, shape: Sequence[int], wanted: Sequence[int], keep_zero: bool = False) -> tuple[int, ...]:
    """`wanted` with its 0 (the same) and -1 (the rest) filled in."""
    out = list(wanted)
    for i, d in enumerate(out):
        if d == 0 and not keep_zero:
            if i >= len(shape):
                call.malformed(f"shape {tuple(wanted)} copies a dimension that {tuple(shape)} does not have")
            out[i] = shape[i]
    if out.count(-1) == 1:
        known = prod(d for d in out if d != -1)
        if known <= 0 or prod(shape) % known:
            call.malformed(f"{tuple(shape)} cannot be reshaped to {tuple(wanted)}")
        out[out.index(-1)] = prod(shape) // known
    if any(d < 0 for d in out) or len(out) > 6:
        call.malformed(f"shape {tuple(wanted)}")
    return tuple(out)


def flatten(call: Call) -> str:
    x = call.input(0)
    axis = call.attribute("axis", 1)
    rank = len(x.shape)
    if not -rank <= axis <= rank:
        call.malformed(f"axis {axis} of a tensor of rank {rank}")
    rows = prod(x.shape[: axis + rank if axis < 0 else axis])
    return call.reshape(x.name, (rows, x.size // rows))


def squeeze(call: Call) -> str:
    x = call.input(0)
    rank = len(x.shape)
    axes = {call.axis(a, rank) for a in _axes(call, tuple(i for i, d in enumerate(x.shape) if d == 1))}
    if any(x.shape[a] != 1 for a in axes):
        call.malformed(f"axes {sorted(axes)} of shape {x.shape} are not all 1")
    return call.reshape(x.name, [d for i, d in enumerate(x.shape) if i not in axes])


def unsqueeze(call: Call) -> str:
    x = call.input(0)
    return call.reshape(x.name, unsqueezed(call, x.shape, _axes(call, ())))


def unsqueezed(call: Call, shape: Sequence[int], axes: Sequence[int]) -> tuple[int, ...]:
    """`shape` with a 1 inserted at every one of `axes`, which count in the result."""
    rank = len(shape) + len(axes)
    places = {call.axis(a, rank) for a in axes}
    if len(places) != len(axes) or rank > 6:
        call.malformed(f"axes {tuple(axes)} for shape {tuple(shape)}")
    rest = iter(shape)
    return tuple(1 if i in places else next(rest) for i in range(rank))


def _axes(call: Call, default: tuple[int, ...]) -> tuple[int, ...]:
    """Axes as an attribute (before opset 13) or as an input."""
    if call.opset >= 13:
        return tuple(call.integers(1)) if call.has(1) else default
    return tuple(call.attribute("axes", default))


def transpose(call: Call) -> str:
    x = call.input(0)
    rank = len(x.shape)
    perm = call.attribute("perm", tuple(reversed(range(rank))))
    if sorted(perm) != list(range(rank)):
        call.malformed(f"perm {perm} of a tensor of rank {rank}")
    return call.transpose(x.name, perm)


def concat(call: Call) -> str:
    parts = [call.input(i) for i in range(len(call.node.inputs))]
    if not parts:
        call.malformed("it has no inputs")
    first = parts[0]
    axis = call.axis(call.attribute("axis", 1), len(first.shape))
    for p in parts:
        if p.dtype != first.dtype or len(p.shape) != len(first.shape):
            call.malformed("inputs differ in data type or rank")
        if p.shape[:axis] != first.shape[:axis] or p.shape[axis + 1 :] != first.shape[axis + 1 :]:
            call.malformed(f"shapes {first.shape} and {p.shape} differ outside axis {axis}")
    parts = [p for p in parts if p.size] or parts  # an empty one adds nothing
    return joined(call, axis, parts)


def joined(call: Call, axis: int, parts: Sequence[Tensor]) -> str:
    """Put tensors that fit behind one another along an axis, in several steps where one op cannot take them all."""
    while len(parts) > MAX_INPUTS:
        some = [parts[i : i + MAX_INPUTS] for i in range(0, len(parts), MAX_INPUTS)]
        parts = [call.scope.tensor(joined(call, axis, one)) for one in some]
    first, meanings = parts[0], {p.meaning for p in parts}
    shape = (*first.shape[:axis], sum(p.shape[axis] for p in parts), *first.shape[axis + 1 :])
    q = first.quantization if len(meanings) == 1 else None
    return call.emit(Concat(axis), [p.name for p in parts], shape, dtype=first.dtype, quantization=q)
