"""Operators that move or rename data: RESHAPE, SQUEEZE, EXPAND_DIMS, TRANSPOSE, CONCATENATION, PACK."""

from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.ir import Tensor
from edgefn.graph.ops import Concat, Transpose
from edgefn.graph.ops.concat import MAX_INPUTS

__all__ = ["concatenation", "named_again", "pack", "transpose"]


def named_again(call: Call) -> str:
    """The same elements under the shape that the file declares: RESHAPE, SQUEEZE, EXPAND_DIMS."""
    x = call.movable(0)
    return call.reshape(x.name, call.output.shape)


def transpose(call: Call) -> str:
    x = call.movable(0)
    perm = tuple(call.integers(1))
    if sorted(perm) != list(range(len(x.shape))):
        call.malformed(f"perm {perm} of a tensor of rank {len(x.shape)}")
    return call.emit(Transpose(perm), (x.name,), [x.shape[p] for p in perm], x)


def concatenation(call: Call) -> str:
    parts = [call.movable(i) for i in range(len(call.op.inputs))]
    if not 1 <= len(parts) <= MAX_INPUTS:
        call.refuse(f"{len(parts)} inputs; 1 to {MAX_INPUTS} are supported")
    axis = call.axis(call.option("axis"), len(parts[0].shape))
    return call.activated(_joined(call, parts, axis))


def pack(call: Call) -> str:
    """Inputs of one shape along a new axis."""
    parts = [call.movable(i) for i in range(len(call.op.inputs))]
    if not 1 <= len(parts) <= MAX_INPUTS:
        call.refuse(f"{len(parts)} inputs; 1 to {MAX_INPUTS} are supported")
    axis = call.axis(call.option("axis"), len(parts[0].shape) + 1)
    wide = [call.reshape(p.name, (*p.shape[:axis], 1, *p.shape[axis:])) for p in parts]
    return _joined(call, [call.scope.tensor(name) for name in wide], axis)


def _joined(call: Call, parts: list[Tensor], axis: int) -> str:
    first = parts[0]
    for part in parts:
        if _others(part, axis) != _others(first, axis):
            call.malformed(f"shapes {first.shape} and {part.shape} differ outside axis {axis}")
    shape = (*first.shape[:axis], sum(p.shape[axis] for p in parts), *first.shape[axis + 1 :])
    return call.moved(Concat(axis), first, shape, *(p.name for p in parts[1:]))


def _others(t: Tensor, axis: int) -> tuple[int, ...]:
    return (len(t.shape), *t.shape[:axis], *t.shape[axis + 1 :])
