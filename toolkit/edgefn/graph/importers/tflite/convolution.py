"""Operators with weights on images: CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV."""

from struct import Struct

from edgefn.graph.importers.bounds import MAX_WINDOW
from edgefn.graph.importers.groups import grouped
from edgefn.graph.importers.kernel import Kernel
from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.importers.tflite.weights import bias_of, weights_of
from edgefn.graph.importers.tflite.wide import MOST, channels_narrowed, columns_narrowed, is_wide
from edgefn.graph.importers.tflite.windows import slide
from edgefn.graph.importers.transposed import Axis, Transposed
from edgefn.graph.ir import Shape, Tensor
from edgefn.graph.ops import Conv2d, Depthwise, Weighted

__all__ = ["conv_2d", "depthwise_conv_2d", "transpose_conv", "transpose_conv_bias"]

# Of a custom operator: padding, stride in width, stride in height.
PARAMETERS, SAME = Struct("<iii"), 1


def conv_2d(call: Call) -> str:
    """`[N, H, W, C]` with weights `[M, kh, kw, C]`, or `[M, kh, kw, C / groups]`."""
    x, w = call.images(0), _weights(call)
    group, rest = divmod(x.shape[3], w.shape[3])
    if rest or group == 0 or w.shape[0] % group:
        call.malformed(f"input {x.shape} with weights {w.shape}")
    return _convolved(call, x, weights_of(call, w, 0, x.dtype), group)


def depthwise_conv_2d(call: Call) -> str:
    """`[N, H, W, C]` with weights `[1, kh, kw, M]`, M a multiple of C."""
    x, w = call.images(0), _weights(call)
    if w.shape[0] != 1 or w.shape[3] % x.shape[3]:
        call.malformed(f"input {x.shape} with weights {w.shape}")
    kernel = weights_of(call, w, 3, x.dtype).arranged(2, 3, 1)  # [M, 1, kh, kw] to [M, kh, kw, 1]
    return _convolved(call, x, kernel, x.shape[3])


def _weights(call: Call) -> Tensor:
    w = call.input(1)
    if len(w.shape) != 4 or w.size == 0:
        call.malformed(f"weights {w.shape}")
    return w


def _convolved(call: Call, x: Tensor, kernel: Kernel, group: int) -> str:
    window, size = slide(call, (kernel.shape[1], kernel.shape[2]), (x.shape[1], x.shape[2]), dilated=True)

    def compute(image: Tensor, kernel: Kernel, bias: Kernel | None, *, depthwise: bool = False) -> str:
        shape = (image.shape[0], *size, kernel.shape[0])
        op: Weighted
        if depthwise:
            image, kernel, wide = columns_narrowed(call, image, kernel, window)
            op = Depthwise(wide)
        else:
            image, kernel = channels_narrowed(call, image, kernel)
            op = Conv2d(window)
        return call.emit(op, (image.name, *call.layer(op.axis, kernel, bias)), shape)

    bias = bias_of(call, 2, kernel.shape[0], x.dtype)
    return call.activated(grouped(call, x, kernel, bias, group, compute))


def transpose_conv(call: Call) -> str:
    """A constant output shape, weights `[M, kh, kw, C]`, then the input `[N, H, W, C]` and perhaps a bias."""
    x, w, shape = call.images(2), _weights(call), call.integers(0)
    if w.shape[3] != x.shape[3] or len(shape) != 4 or (shape[0], shape[3]) != (x.shape[0], w.shape[0]):
        call.malformed(f"input {x.shape} with weights {w.shape} to {shape}")
    rows, columns = (_axis(call, side, x.shape, w.shape, shape[1 + i]) for i, side in enumerate("hw"))
    bias, kernel = bias_of(call, 3, w.shape[0], x.dtype), weights_of(call, w, 0, x.dtype)
    if is_wide(kernel):
        call.refuse(f"weights {w.name!r} beyond -{MOST} to {MOST}")
    y = Transposed(kernel, bias, (rows, columns)).emit(call, x)
    return call.activated(y)


def transpose_conv_bias(call: Call) -> str:
    """MediaPipe's own operator: the input, weights `[M, kh, kw, C]` and a bias, in floats."""
    x, w, options = call.images(0), _weights(call), call.option("custom_options")
    if x.dtype != "f32" or w.shape[3] != x.shape[3] or len(options) != PARAMETERS.size:
        call.malformed(f"{x.dtype} input {x.shape} with weights {w.shape} and {len(options)} bytes of options")
    padding, across, down = PARAMETERS.unpack(options)
    axes = []
    for length, kernel, stride in ((x.shape[1], w.shape[1], down), (x.shape[2], w.shape[2], across)):
        if not (1 <= stride <= MAX_WINDOW and kernel <= MAX_WINDOW):
            call.refuse(f"kernel {kernel}, stride {stride}")
        cut = max(0, kernel - (length - 1) % stride - 1) if padding == SAME else 0
        axes.append(Axis(length, kernel, stride, 1, cut // 2, stride * (length - 1) + kernel - cut))
    bias = bias_of(call, 2, w.shape[0], x.dtype)
    return Transposed(weights_of(call, w, 0, x.dtype), bias, (axes[0], axes[1])).emit(call, x)


def _axis(call: Call, side: str, x: Shape, w: Shape, size: int) -> Axis:
    """TFLite pads as the convolution would that computes the input from the result."""
    at, stride = 1 + "hw".index(side), call.option(f"stride_{side}")
    kernel, length = w[at], x[at]
    if not (1 <= stride <= MAX_WINDOW and kernel <= MAX_WINDOW and size >= 1):
        call.refuse(f"kernel {kernel}, stride {stride} to a side of {size}")
    same = call.option("padding") == "SAME"
    back = -(-size // stride) if same else (size - kernel + stride) // stride
    if back != length:
        call.malformed(f"a side of {length} cannot become {size} by kernel {kernel} and stride {stride}")
    pad = max(0, (back - 1) * stride + kernel - size) // 2
    return Axis(length, kernel, stride, 1, pad, size)
