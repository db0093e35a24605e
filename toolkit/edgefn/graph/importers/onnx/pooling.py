"""AveragePool, MaxPool, LpPool and their global forms."""

from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.importers.bounds import MAX_WINDOW
from edgefn.graph.importers.onnx.arithmetic import combine, number
from edgefn.graph.importers.onnx.reduction import average_of_images, pooled, reduced
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.importers.onnx.windows import (
    Pair,
    as_images,
    image_size,
    output_size,
    reach_of,
    read_window,
)
from edgefn.graph.importers.spans import Span, sliced
from edgefn.graph.ir import Tensor, Window
from edgefn.graph.ops import AveragePool, Binary, Depthwise, FlipSign, MaxPool, Pad, Unary

__all__ = ["average_pool", "global_average_pool", "global_lp_pool", "global_max_pool", "lp_pool", "max_pool"]

type Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class _Sliding:
    """A window over an input of `size` that is padded by `after` below and to the right, and the size of the output."""

    window: Window
    after: Pair
    size: Pair
    out: Pair

    @property
    def ends_within(self) -> bool:
        """Whether the last windows end within the padded input; with ceil_mode they may not."""
        reach = zip(self.out, self.window.stride, reach_of(self.window), strict=True)
        room = zip(self.window.pad, self.size, self.after, strict=True)
        return all((n - 1) * s + r <= sum(parts) for (n, s, r), parts in zip(reach, room, strict=True))

    def counts(self, *, padding: bool) -> Array:
        """How many elements every window covers, padding included or not: `[OH, OW]`."""
        sides = []
        for side in (0, 1):
            first = np.arange(self.out[side]) * self.window.stride[side] - self.window.pad[side]
            before, behind = (self.window.pad[side], self.after[side]) if padding else (0, 0)
            ends = [-before, self.size[side] + behind]
            low, high = (-((first - end) // self.window.dilation[side]) for end in ends)  # taps in front of each end
            sides.append(high.clip(0, self.window.kernel[side]) - low.clip(0, self.window.kernel[side]))
        return np.outer(*sides)


def average_pool(call: Call) -> str:
    x = call.real(0)
    s = _sliding(call, x)
    counted = bool(call.attribute("count_include_pad", 0))
    if s.window.dilation != (1, 1) or (counted and not s.ends_within):
        call.bounded(s.out)
        return as_images(call, x.name, lambda image: _mean(call, image, s, s.counts(padding=counted)))
    op = AveragePool(s.window, counted)
    return as_images(call, x.name, lambda image: call.emit(op, (image,), (x.shape[0], *s.out, x.shape[1])))


def _mean(call: Call, image: str, s: _Sliding, counts: Array) -> str:
    """The sum under every window by how many elements count; `counts` `[OH, OW]`."""
    y = call.scope.tensor(_sum(call, image, s))
    by = call.scope.constant(f"{call.node.label}.counts", counts.reshape(1, *s.out, 1).astype(np.float32))
    return call.emit(Binary("div"), (y.name, by), y.shape)


def _sum(call: Call, image: str, s: _Sliding) -> str:
    """The sum under every window: a convolution of each channel by ones."""
    n, _, _, c = call.scope.tensor(image).shape
    shape = call.bounded((1, *s.window.kernel, c))
    ones = call.scope.constant(f"{call.node.label}.ones", np.ones(shape, np.float32))
    return call.emit(Depthwise(s.window), (image, ones), (n, *s.out, c))


def lp_pool(call: Call) -> str:
    """The sum of `|x|^p` under every window, to the power of 1 / p."""
    x, p = call.real(0), call.attribute("p", 2)
    if p < 1:
        call.malformed(f"p is {p}")
    s = _sliding(call, x)

    def compute(image: str) -> str:
        powers = call.emit(Unary("abs"), (image,), call.scope.tensor(image).shape) if p % 2 else image
        if p > 1:
            powers = combine(call, "mul", powers, powers) if p == 2 else combine(call, "pow", powers, number(call, p))
        total = _sum(call, powers, s)
        if p == 1:
            return total
        shape = call.scope.tensor(total).shape
        return call.emit(Unary("sqrt"), (total,), shape) if p == 2 else combine(call, "pow", total, number(call, 1 / p))

    return as_images(call, x.name, compute)


def max_pool(call: Call) -> str:
    if len(call.node.outputs) > 1 and call.node.outputs[1]:
        call.refuse("the second output (indices)")
    x = call.input(0)
    s = _sliding(call, x)
    if s.window.dilation == (1, 1):
        return _max(call, x, s.window, s.out)
    if x.dtype != "f32":
        call.refuse(f"dilations {s.window.dilation} of {x.dtype}; f32 is supported")
    return as_images(call, x.name, lambda image: _dilated_max(call, call.scope.tensor(image), s))


def _dilated_max(call: Call, x: Tensor, s: _Sliding) -> str:
    """The largest of what is taken along the rows, then of that along the columns, an element at a time."""
    window, (n, _, _, c) = s.window, x.shape
    reach = [(o - 1) * t + r for o, t, r in zip(s.out, window.stride, reach_of(window), strict=True)]
    shape = [n, *(max(w, p + d) for w, p, d in zip(reach, window.pad, x.shape[1:3], strict=True)), c]
    if tuple(shape) != x.shape:
        x = call.scope.tensor(call.moved(Pad((0, *window.pad, 0), -inf), x, shape))
    for axis in (1, 2):
        side = axis - 1
        spans = [Span(0, 1, d) for d in x.shape]
        parts = []
        for tap in range(window.kernel[side]):
            spans[axis] = Span(tap * window.dilation[side], window.stride[side], s.out[side])
            parts.append(sliced(call, x, spans))
        largest = parts[0]
        for part in parts[1:]:
            largest = combine(call, "max", largest, part)
        x = call.scope.tensor(largest)
    return x.name


def global_average_pool(call: Call) -> str:
    return average_of_images(call, call.real(0))


def global_lp_pool(call: Call) -> str:
    """The norm of all of an image; p is 1 or 2."""
    x, p = call.real(0), call.attribute("p", 2)
    if p not in {1, 2}:
        call.refuse(f"p = {p}; 1 and 2 are supported")
    return reduced(call, f"l{p}", x.name, tuple(range(2, len(x.shape))))


def global_max_pool(call: Call) -> str:
    x = call.input(0)
    if x.dtype == "f32" and not pooled(x):
        return reduced(call, "max", x.name, tuple(range(2, len(x.shape))))
    return _max(call, x, _whole(call, x), (1, 1))


def _sliding(call: Call, x: Tensor) -> _Sliding:
    size = image_size(call, x.shape)
    if call.attribute("storage_order", 0):
        call.refuse("storage_order")
    kernel = call.attribute("kernel_shape", ())
    if len(kernel) != len(x.shape) - 2:
        call.malformed(f"kernel_shape is {kernel!r}")
    window, after = read_window(call, kernel, size)
    out = output_size(call, window, after, size, ceil=bool(call.attribute("ceil_mode", 0)))
    return _Sliding(window, after, size, out)


def _whole(call: Call, x: Tensor) -> Window:
    size = image_size(call, x.shape)
    if max(size) > MAX_WINDOW:
        call.refuse(f"an input of shape {x.shape}; up to {MAX_WINDOW} a side is supported")
    return Window(size)


def _max(call: Call, x: Tensor, window: Window, size: Pair) -> str:
    if x.dtype not in {"f32", "i8", "u8"}:
        call.refuse(f"{x.dtype} input {x.name!r}")
    if x.dtype == "u8":
        q = x.quantization.signed if x.quantization else None
        signed = call.scope.tensor(call.emit(FlipSign(), (x.name,), x.shape, dtype="i8", quantization=q))
        y = call.scope.tensor(_max(call, signed, window, size))
        return call.emit(FlipSign(), (y.name,), y.shape, dtype="u8", quantization=x.quantization)
    shape, kind = (x.shape[0], *size, x.shape[1]), {"dtype": x.dtype, "quantization": x.quantization}
    return as_images(call, x.name, lambda i: call.emit(MaxPool(window), (i,), shape, **kind))
