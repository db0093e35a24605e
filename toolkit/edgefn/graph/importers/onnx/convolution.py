"""Conv and ConvTranspose of images and sequences, in groups of any size."""

from dataclasses import dataclass, replace

import numpy as np

from edgefn.graph.importers.bounds import MAX_WINDOW
from edgefn.graph.importers.groups import grouped
from edgefn.graph.importers.kernel import Array, Kernel
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.importers.onnx.windows import (
    Pair,
    as_images,
    image_size,
    output_size,
    pair_of,
    reach_of,
    read_padded_window,
)
from edgefn.graph.importers.transposed import Axis, Transposed
from edgefn.graph.ir import Quantization, Tensor, Window
from edgefn.graph.ops import Conv2d, Depthwise, Pad

__all__ = ["conv", "conv_transpose"]


def conv(call: Call) -> str:
    """`[N, C, H, W]` with weights `[M, C / group, kh, kw]`, or both without height."""
    x, group = call.real(0), call.attribute("group", 1)
    name, value, q = call.stored(call.real(1))
    size, value = image_size(call, x.shape), _high(call, value, len(x.shape))
    outputs, depth, *extent = value.shape
    if group < 1 or depth * group != x.shape[1] or outputs % group:
        call.malformed(f"{x.shape[1]} channels in {group} groups with weights {value.shape}")
    window, after = read_padded_window(call, _kernel_shape(call, extent, len(x.shape)), size)
    out = output_size(call, window, after, size)
    kernel = Kernel.of(name, value, q).arranged(2, 3, 1)

    def convolved(image: Tensor, kernel: Kernel, bias: Kernel | None, *, depthwise: bool = False) -> str:
        image, fitting = _padded(call, image, window, after)
        op = Depthwise(fitting) if depthwise else Conv2d(fitting)
        shape = (image.shape[0], *out, kernel.shape[0])
        return call.emit(op, (image.name, *call.layer(op.axis, kernel, bias)), shape)

    bias = call.bias_kernel(2, kernel.shape[0])
    return as_images(
        call, x.name, lambda image: grouped(call, call.scope.tensor(image), kernel, bias, group, convolved)
    )


def _high(call: Call, value: Array, rank: int) -> Array:
    """Weights of rank 4: those of sequences have a height of 1."""
    if value.ndim != rank:
        call.refuse(f"input of rank {rank} with weights {value.shape}")
    return np.expand_dims(value, 2) if rank == 3 else value


def _kernel_shape(call: Call, extent: list[int], rank: int) -> tuple[int, ...]:
    """Height and width of the weights, only the width for sequences; an attribute may say it again."""
    shape = tuple(extent[4 - rank :])
    if call.ints("kernel_shape", shape) != shape:
        call.malformed(f"kernel_shape is {call.attribute('kernel_shape', ())}, the weights are {shape}")
    return shape


def _padded(call: Call, image: Tensor, window: Window, after: Pair) -> tuple[Tensor, Window]:
    """Pad the image itself where the padding is larger than what a window can have."""
    reach = reach_of(window)
    if all(0 <= p < r for p, r in zip((*window.pad, *after), (*reach, *reach), strict=True)):
        return image, window
    if min((*window.pad, *after)) < 0:
        call.refuse(f"pads {(*window.pad, *after)}")
    n, h, w, c = image.shape
    shape = (n, h + window.pad[0] + after[0], w + window.pad[1] + after[1], c)
    return call.scope.tensor(call.moved(Pad((0, *window.pad, 0)), image, shape)), replace(window, pad=(0, 0))


def conv_transpose(call: Call) -> str:
    """`[N, C, H, W]` with weights `[C, M / group, kh, kw]`, or both without height."""
    x, group = call.real(0), call.attribute("group", 1)
    name, value, q = call.stored(call.real(1))
    size, value = image_size(call, x.shape), _high(call, value, len(x.shape))
    channels, each, *extent = value.shape
    if group < 1 or channels != x.shape[1] or channels % group:
        call.malformed(f"{x.shape[1]} channels in {group} groups with weights {value.shape}")
    axes = _axes(call, _kernel_shape(call, extent, len(x.shape)), size)
    if q is not None and q.axis not in {None, 1}:
        value, q = q.real(value), None
    if q is not None and q.axis == 1:  # scales of the outputs of one group, which all groups share
        q = Quantization(np.tile(q.scale, group), np.tile(q.zero_point, group), 0)
    by_group = value.reshape(group, channels // group, each, *extent).transpose(0, 2, 3, 4, 1)
    kernel = Kernel(name, by_group.reshape(group * each, *extent, channels // group), q)

    def convolved(image: Tensor, kernel: Kernel, bias: Kernel | None, *, depthwise: bool = False) -> str:
        return Transposed(kernel, bias, axes, depthwise).emit(call, image)

    bias = call.bias_kernel(2, kernel.shape[0])
    return as_images(
        call, x.name, lambda image: grouped(call, call.scope.tensor(image), kernel, bias, group, convolved)
    )


@dataclass(frozen=True, slots=True)
class _Cut:
    """Attributes along one axis of a transposed convolution."""

    kernel: int
    stride: int
    dilation: int
    more: int  # output_padding

    def full(self, length: int) -> int:
        """The length of everything that a kernel reaches."""
        return self.stride * (length - 1) + self.more + (self.kernel - 1) * self.dilation + 1


def _axes(call: Call, kernel: tuple[int, ...], size: Pair) -> tuple[Axis, Axis]:
    rank, mode = len(kernel), call.attribute("auto_pad", "NOTSET")
    if mode not in {"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"}:
        call.malformed(f"auto_pad is {mode!r}")
    strides, dilations = (pair_of(call.ints(name, (1,) * rank), 1) for name in ("strides", "dilations"))
    more = pair_of(call.ints("output_padding", (0,) * rank), 0)
    cuts = [_Cut(*one) for one in zip(pair_of(kernel, 1), strides, dilations, more, strict=True)]
    if not all(1 <= n <= MAX_WINDOW for c in cuts for n in (c.kernel, c.stride, c.dilation)) or min(more) < 0:
        call.refuse(f"kernel {kernel}, strides {strides}, dilations {dilations}, output_padding {more}")
    pads, sizes = _sizes(call, cuts, size, rank)
    if min(pads) < 0 or min(sizes) < 1:
        call.malformed(f"pads {pads} of an output of {sizes}")
    rows, columns = (
        Axis(length, c.kernel, c.stride, c.dilation, pad, out)
        for c, length, pad, out in zip(cuts, size, pads, sizes, strict=True)
    )
    return rows, columns


def _sizes(call: Call, cuts: list[_Cut], size: Pair, rank: int) -> tuple[Pair, Pair]:
    """How much is cut off in front of each axis, and how long the result is."""
    full = [c.full(length) for c, length in zip(cuts, size, strict=True)]
    mode = call.attribute("auto_pad", "NOTSET")
    wanted = call.attribute("output_shape", ())
    if wanted:
        out = pair_of(call.ints("output_shape", (0,) * rank), 1)
    elif mode in {"SAME_UPPER", "SAME_LOWER"}:
        out = (size[0] * cuts[0].stride, size[1] * cuts[1].stride)
    else:
        pads = call.ints("pads", (0,) * (2 * rank)) if mode == "NOTSET" else (0,) * (2 * rank)
        before, after = pair_of(pads[:rank], 0), pair_of(pads[rank:], 0)
        return before, (full[0] - before[0] - after[0], full[1] - before[1] - after[1])
    total = [max(0, f - o) for f, o in zip(full, out, strict=True)]
    less, most = (total[0] // 2, total[1] // 2), (-(-total[0] // 2), -(-total[1] // 2))
    return (less if mode == "SAME_UPPER" else most), out
