"""Parts of a tensor, in another order or repeated: Slice, Split, ReverseSequence, Expand, Tile."""

import numpy as np

from edgefn.graph.importers.bounds import MAX_RANK
from edgefn.graph.importers.onnx.movement import joined
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.importers.spans import Span, broadcast, divided, sliced, taken, tiled
from edgefn.graph.ir import Shape, Tensor

__all__ = [
    "expand",
    "expanded_shape",
    "read_slice",
    "read_split",
    "read_tile",
    "reverse_sequence",
    "slice_",
    "split",
    "tile",
]


def slice_(call: Call) -> str:
    """Constant starts, ends, axes and steps; before opset 10 as attributes, without steps."""
    x = call.value(0)
    return sliced(call, x, read_slice(call, x.shape))


def read_slice(call: Call, shape: Shape) -> list[Span]:
    """What Slice takes of a tensor of `shape`, one span for each axis."""
    spans = [Span(0, 1, d) for d in shape]
    for start, end, axis, step in zip(*_bounds(call), strict=True):
        where = call.axis(axis, len(shape))
        if step == 0:
            call.malformed("a step of 0")
        spans[where] = taken(shape[where], start, end, step)
    return spans


def _bounds(call: Call) -> list[list[int]]:
    """Starts, ends, axes and steps."""
    if call.opset < 10:
        starts, ends = list(call.attribute("starts", ())), list(call.attribute("ends", ()))
        axes, steps = list(call.attribute("axes", tuple(range(len(starts))))), [1] * len(starts)
    else:
        starts, ends = call.integers(1), call.integers(2)
        axes = call.integers(3) if call.has(3) else list(range(len(starts)))
        steps = call.integers(4) if call.has(4) else [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps):
        call.malformed(f"{len(starts)} starts, {len(ends)} ends, {len(axes)} axes and {len(steps)} steps")
    return [starts, ends, axes, steps]


def split(call: Call) -> tuple[str, ...]:
    """Sizes as an attribute or a constant input, or as many equal parts as there are outputs."""
    x = call.value(0)
    axis, sizes = read_split(call, x.shape)
    return divided(call, x, axis, sizes)


def read_split(call: Call, shape: Shape) -> tuple[int, list[int]]:
    """The axis that Split divides, and the sizes of the parts."""
    axis = call.axis(call.attribute("axis", 0), len(shape))
    length, count = shape[axis], len(call.node.outputs)
    if call.opset >= 13 and call.has(1):
        sizes = call.integers(1)
    elif call.opset < 13 and "split" in call.node.attributes:
        sizes = list(call.attribute("split", ()))
    else:
        part = -(-length // max(1, call.attribute("num_outputs", count)))
        sizes = [max(0, min(part, length - i * part)) for i in range(count)]
    if len(sizes) != count or sum(sizes) != length or min(sizes) < 0:
        call.malformed(f"parts {sizes} of axis {axis} of shape {shape} for {count} outputs")
    return axis, sizes


def expand(call: Call) -> str:
    """Broadcast to a constant shape."""
    x = call.value(0)
    return broadcast(call, x, expanded_shape(call, x.shape))


def expanded_shape(call: Call, shape: Shape) -> Shape:
    """What Expand broadcasts `shape` to."""
    wanted = tuple(call.integers(1))
    try:
        found = np.broadcast_shapes(shape, wanted)
    except ValueError:
        call.malformed(f"{shape} does not broadcast to {wanted}")
    if len(found) > MAX_RANK:
        call.refuse(f"{len(found)} dimensions; up to {MAX_RANK} are supported")
    return found


def tile(call: Call) -> str:
    """Constant repeats."""
    x = call.value(0)
    return tiled(call, x, read_tile(call, len(x.shape)))


def read_tile(call: Call, rank: int) -> list[int]:
    """How often Tile repeats each axis."""
    counts = call.integers(1)
    if len(counts) != rank or any(c < 0 for c in counts):
        call.malformed(f"repeats {counts} of a tensor of rank {rank}")
    return counts


def reverse_sequence(call: Call) -> str:
    """What lies in front of a constant length is turned round, for each element of a batch its own."""
    x, lengths = call.value(0), call.integers(1)
    time, batch = call.attribute("time_axis", 0), call.attribute("batch_axis", 1)
    if {time, batch} != {0, 1} or len(x.shape) < 2:
        call.malformed(f"time_axis {time} and batch_axis {batch} of {x.shape}")
    if len(lengths) != x.shape[batch] or not all(0 <= n <= x.shape[time] for n in lengths):
        call.malformed(f"lengths {lengths[:9]} of {x.shape[batch]} sequences of {x.shape[time]}")
    whole = [Span(0, 1, d) for d in x.shape]
    if len(set(lengths)) == 1:
        return _turned(call, x, time, lengths[0])
    items = (sliced(call, x, [*whole[:batch], Span(i, 1, 1), *whole[batch + 1 :]]) for i in range(len(lengths)))
    turned = [_turned(call, call.scope.tensor(item), time, n) for item, n in zip(items, lengths, strict=True)]
    return joined(call, batch, [call.scope.tensor(item) for item in turned])


def _turned(call: Call, x: Tensor, axis: int, length: int) -> str:
    """`x` with its first elements along an axis in the other order."""
    if length < 2:
        return x.name
    spans = [Span(length - 1, -1, length), Span(length, 1, x.shape[axis] - length)]
    whole = [Span(0, 1, d) for d in x.shape]
    parts = [sliced(call, x, [*whole[:axis], span, *whole[axis + 1 :]]) for span in spans if span.count]
    return joined(call, axis, [call.scope.tensor(part) for part in parts])
