"""Operators that move or rename data: RESHAPE, SQUEEZE, EXPAND_DIMS, TRANSPOSE, CONCATENATION, PACK."""

from math import prod

from edgefn.graph.importers.tflite.parts import joined
from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.importers.tflite.tables import rescaled
from edgefn.graph.ir import Tensor
from edgefn.graph.ops import Transpose
from edgefn.graph.ops.concat import MAX_INPUTS

__all__ = ["concatenation", "expand_dims", "pack", "reshape", "squeeze", "transpose"]


def reshape(call: Call) -> str:
    """To a shape that is an input, an option or, where only a run knows it, what the file declares."""
    x, shape = call.movable(0), list(call.output.shape)
    if call.has(1) and call.input(1).constant is not None:
        shape = call.integers(1)
    elif not call.has(1) and call.option("new_shape"):
        shape = list(call.option("new_shape"))
    if shape.count(-1) == 1:
        known = -prod(shape)
        shape[shape.index(-1)] = x.size // known if known else 0
    return call.reshape(x.name, shape)


def squeeze(call: Call) -> str:
    """Without some dimensions of one element, or without all of them."""
    x = call.movable(0)
    axes = {call.axis(a, len(x.shape)) for a in call.option("squeeze_dims")}
    axes = axes or {i for i, d in enumerate(x.shape) if d == 1}
    return call.reshape(x.name, [d for i, d in enumerate(x.shape) if i not in axes])


def expand_dims(call: Call) -> str:
    """With one more dimension, of one element."""
    x, axes = call.movable(0), call.integers(1)
    if len(axes) != 1:
        call.malformed(f"axes {axes}")
    axis = call.axis(axes[0], len(x.shape) + 1)
    return call.reshape(x.name, (*x.shape[:axis], 1, *x.shape[axis:]))


def transpose(call: Call) -> str:
    x = call.movable(0)
    perm = tuple(call.integers(1))
    if sorted(perm) != list(range(len(x.shape))):
        call.malformed(f"perm {perm} of a tensor of rank {len(x.shape)}")
    return call.emit(Transpose(perm), (x.name,), [x.shape[p] for p in perm], x)


def concatenation(call: Call) -> str:
    parts = [_part(call, i) for i in range(len(call.op.inputs))]
    if not 1 <= len(parts) <= MAX_INPUTS:
        call.refuse(f"{len(parts)} inputs; 1 to {MAX_INPUTS} are supported")
    axis = call.axis(call.option("axis"), len(parts[0].shape))
    return call.activated(joined(call, parts, axis))


def _part(call: Call, index: int) -> Tensor:
    """An input of the output's scale; in models of u8 it may have another."""
    x = call.input(index)
    if call.scope.unsigned and x.dtype == call.output.dtype == "i8" and x.meaning != call.output.meaning:
        return call.scope.tensor(rescaled(call, x))
    return call.joinable(index)


def pack(call: Call) -> str:
    """Inputs of one shape along a new axis."""
    parts = [call.joinable(i) for i in range(len(call.op.inputs))]
    if not 1 <= len(parts) <= MAX_INPUTS:
        call.refuse(f"{len(parts)} inputs; 1 to {MAX_INPUTS} are supported")
    axis = call.axis(call.option("axis"), len(parts[0].shape) + 1)
    wide = [call.reshape(p.name, (*p.shape[:axis], 1, *p.shape[axis:])) for p in parts]
    return joined(call, [call.scope.tensor(name) for name in wide], axis)
