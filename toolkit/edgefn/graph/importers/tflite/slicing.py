"""Parts of a tensor (STRIDED_SLICE, SLICE, SPLIT, SPLIT_V, UNPACK), REVERSE_V2, TILE and BROADCAST_TO."""

import numpy as np

from edgefn.graph.importers.bounds import MAX_RANK
from edgefn.graph.importers.spans import Span, broadcast, divided, sliced, taken, tiled
from edgefn.graph.importers.tflite import parts
from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.ir import Shape

__all__ = ["broadcast_to", "reverse", "slice_", "split", "split_v", "strided_slice", "tile", "unpack"]


def strided_slice(call: Call) -> str:
    """Constant begins, ends and strides, with every mask."""
    x = call.movable(0)
    spans, shape = _spans(call, x.shape)
    return call.reshape(parts.taken(call, x, spans), shape)


def _spans(call: Call, shape: Shape) -> tuple[list[Span], list[int]]:
    """What is taken along every axis, and the shape that masks make of it."""
    begins, ends, strides = (call.integers(i) for i in (1, 2, 3))
    if not len(begins) == len(ends) == len(strides):
        call.malformed(f"{len(begins)} begins, {len(ends)} ends and {len(strides)} strides")
    spans: list[Span] = []
    left: list[int] = []
    for i, (begin, end, stride) in enumerate(zip(begins, ends, strides, strict=True)):
        if _masked(call, "ellipsis_mask", i):
            # Everything in between: what the entries behind it do not name.
            named = sum(not _masked(call, "new_axis_mask", k) for k in range(i + 1, len(begins)))
            between = shape[len(spans) : len(shape) - named]
            spans += [Span(0, 1, d) for d in between]
            left += between
        elif _masked(call, "new_axis_mask", i):
            left.append(1)
        elif len(spans) == len(shape) or stride == 0:
            call.malformed(f"entry {i} of {begins}, {ends}, {strides} for shape {shape}")
        else:
            span = _span(call, i, shape[len(spans)], begin, end, stride)
            spans.append(span)
            left += [] if _masked(call, "shrink_axis_mask", i) else [span.count]
    rest = shape[len(spans) :]
    return [*spans, *(Span(0, 1, d) for d in rest)], [*left, *rest]


def _span(call: Call, entry: int, length: int, begin: int, end: int, stride: int) -> Span:  # noqa: PLR0917 -- one entry
    if _masked(call, "shrink_axis_mask", entry):
        return Span(call.axis(begin, length), 1, 1)
    start = None if _masked(call, "begin_mask", entry) else begin
    stop = end + begin if call.option("offset") else end
    return taken(length, start, None if _masked(call, "end_mask", entry) else stop, stride)


def _masked(call: Call, mask: str, entry: int) -> bool:
    return bool(call.option(mask) >> entry & 1)


def slice_(call: Call) -> str:
    """Constant begins and sizes; a size of -1 is everything that is left."""
    x = call.movable(0)
    begins, sizes = call.integers(1), call.integers(2)
    if not len(begins) == len(sizes) == len(x.shape):
        call.malformed(f"begins {begins} and sizes {sizes} of a tensor {x.shape}")
    counts = [d - b if n == -1 else n for d, b, n in zip(x.shape, begins, sizes, strict=True)]
    if any(b < 0 or n < 0 or b + n > d for d, b, n in zip(x.shape, begins, counts, strict=True)):
        call.malformed(f"begins {begins} and sizes {sizes} of a tensor {x.shape}")
    return parts.taken(call, x, [Span(b, 1, n) for b, n in zip(begins, counts, strict=True)])


def split(call: Call) -> tuple[str, ...]:
    """Equal parts along a constant axis."""
    x, count = call.movable(1), len(call.op.outputs)
    axis = call.axis(_single(call, 0), len(x.shape))
    if x.shape[axis] % count:
        call.malformed(f"{count} equal parts of axis {axis} of {x.shape}")
    return divided(call, x, axis, [x.shape[axis] // count] * count)


def split_v(call: Call) -> tuple[str, ...]:
    """Parts of constant sizes along a constant axis; one size may be -1, the rest."""
    x, sizes = call.movable(0), call.integers(1)
    axis = call.axis(_single(call, 2), len(x.shape))
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = x.shape[axis] - sum(sizes) - 1
    if len(sizes) != len(call.op.outputs) or sum(sizes) != x.shape[axis] or min(sizes) < 0:
        call.malformed(f"parts {sizes} of axis {axis} of {x.shape} for {len(call.op.outputs)} outputs")
    return divided(call, x, axis, sizes)


def _single(call: Call, index: int) -> int:
    values = call.integers(index)
    if len(values) != 1:
        call.malformed(f"{len(values)} axes")
    return values[0]


def unpack(call: Call) -> tuple[str, ...]:
    """The slices of an axis, without it."""
    x = call.movable(0)
    axis = call.axis(call.option("axis"), len(x.shape))
    if not call.option("num") == x.shape[axis] == len(call.op.outputs):
        call.malformed(f"{call.option('num')} slices of axis {axis} of {x.shape} for {len(call.op.outputs)} outputs")
    rest = (*x.shape[:axis], *x.shape[axis + 1 :])
    return tuple(call.reshape(part, rest) for part in divided(call, x, axis, [1] * x.shape[axis]))


def reverse(call: Call) -> str:
    """Along constant axes."""
    x = call.movable(0)
    axes = {call.axis(a, len(x.shape)) for a in call.integers(1)}
    return sliced(call, x, [Span(d - 1, -1, d) if i in axes else Span(0, 1, d) for i, d in enumerate(x.shape)])


def tile(call: Call) -> str:
    """Constant multiples."""
    x, counts = call.movable(0), call.integers(1)
    if len(counts) != len(x.shape) or min(counts, default=1) < 0:
        call.malformed(f"multiples {counts} of a tensor {x.shape}")
    return tiled(call, x, counts)


def broadcast_to(call: Call) -> str:
    """A constant shape."""
    x, shape = call.movable(0), tuple(call.integers(1))
    try:
        fits = np.broadcast_shapes(x.shape, shape) == shape and len(shape) <= MAX_RANK
    except ValueError:
        fits = False
    if not fits:
        call.malformed(f"{x.shape} does not broadcast to {shape}")
    return broadcast(call, x, shape)
