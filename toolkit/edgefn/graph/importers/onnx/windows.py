"""ONNX's kernel, stride, pad and dilation attributes, and images in its NCHW order."""

from collections.abc import Callable

from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.ir import Window

__all__ = ["FROM_NHWC", "MAX_WINDOW", "TO_NHWC", "Pair", "as_images", "output_size", "read_window"]

TO_NHWC = (0, 2, 3, 1)
FROM_NHWC = (0, 3, 1, 2)
MAX_WINDOW = 4096

type Pair = tuple[int, int]


def as_images(call: Call, x: str, compute: Callable[[str], str]) -> str:
    """`compute` on `x` `[N, C, H, W]` as NHWC, its result back in NCHW."""
    rank = len(call.scope.tensor(x).shape)
    if rank != 4:
        call.refuse(f"an input of rank {rank}; images of rank 4 (N, C, H, W) are supported")
    return call.transpose(compute(call.transpose(x, TO_NHWC)), FROM_NHWC)


def read_window(call: Call, kernel: Pair, size: Pair) -> tuple[Window, Pair]:
    """Return the window over an input of `size` (height, width), and the padding below and to the right.

    Refuses what the engine does not do: sizes over 4096, negative padding, padding as large as the kernel.
    """
    stride = _pair(call.ints("strides", (1, 1)))
    dilation = _pair(call.ints("dilations", (1, 1)))
    if not all(1 <= n <= MAX_WINDOW for n in (*kernel, *stride, *dilation)):
        call.refuse(f"kernel {kernel}, strides {stride}, dilations {dilation}; 1 to {MAX_WINDOW} is supported")
    reach = ((kernel[0] - 1) * dilation[0] + 1, (kernel[1] - 1) * dilation[1] + 1)
    before, after = _pads(call, reach, stride, size)
    if any(p < 0 for p in (*before, *after)) or before[0] >= reach[0] or before[1] >= reach[1]:
        call.refuse(f"pads {(*before, *after)} with a kernel that reaches {reach}")
    if after[0] >= reach[0] or after[1] >= reach[1]:
        call.refuse(f"pads {(*before, *after)} with a kernel that reaches {reach}")
    return Window(kernel, stride, dilation, before), after


def _pair(values: tuple[int, ...]) -> Pair:
    return values[0], values[1]


def _pads(call: Call, reach: Pair, stride: Pair, size: Pair) -> tuple[Pair, Pair]:
    mode = call.attribute("auto_pad", "NOTSET")
    if mode in {"NOTSET", "VALID"}:
        pads = call.ints("pads", (0, 0, 0, 0)) if mode == "NOTSET" else (0, 0, 0, 0)
        return _pair(pads[:2]), _pair(pads[2:])
    if mode not in {"SAME_UPPER", "SAME_LOWER"}:
        call.malformed(f"auto_pad is {mode!r}")
    total = [max(0, (-(-n // s) - 1) * s + r - n) for n, s, r in zip(size, stride, reach, strict=True)]
    less = (total[0] // 2, total[1] // 2)
    more = (total[0] - less[0], total[1] - less[1])
    return (less, more) if mode == "SAME_UPPER" else (more, less)


def output_size(call: Call, window: Window, after: Pair, size: Pair, *, ceil: bool = False) -> Pair:
    """Height and width of the output of a window that slides over `size`."""
    sizes = []
    for i in (0, 1):
        reach = (window.kernel[i] - 1) * window.dilation[i] + 1
        room = size[i] + window.pad[i] + after[i] - reach
        n = (-(-room // window.stride[i]) if ceil else room // window.stride[i]) + 1
        if ceil and (n - 1) * window.stride[i] >= size[i] + window.pad[i]:
            n -= 1
        if n < 1:
            call.malformed(f"a kernel that reaches {reach} does not fit an input of {size[i]}")
        sizes.append(n)
    return sizes[0], sizes[1]
