"""ONNX's kernel, stride, pad and dilation attributes, and images in its NCHW order; sequences are images one high."""

from collections.abc import Callable
from dataclasses import replace

from edgefn.graph.importers.bounds import MAX_WINDOW
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.ir import Shape, Window

__all__ = [
    "FROM_NHWC",
    "TO_NHWC",
    "Pair",
    "as_images",
    "image_size",
    "output_size",
    "pair_of",
    "reach_of",
    "read_padded_window",
    "read_window",
]

TO_NHWC = (0, 2, 3, 1)
FROM_NHWC = (0, 3, 1, 2)

type Pair = tuple[int, int]


def as_images(call: Call, x: str, compute: Callable[[str], str]) -> str:
    """`compute` on `x` `[N, C, H, W]` as NHWC, its result back in NCHW; or on `[N, C, W]`, one high."""
    shape = call.scope.tensor(x).shape
    if len(shape) == 3:
        line = call.transpose(x, (0, 2, 1))
        y = compute(call.reshape(line, (shape[0], 1, shape[2], shape[1])))
        n, _, w, c = call.scope.tensor(y).shape
        return call.transpose(call.reshape(y, (n, w, c)), (0, 2, 1))
    image_size(call, shape)
    return call.transpose(compute(call.transpose(x, TO_NHWC)), FROM_NHWC)


def image_size(call: Call, shape: Shape) -> Pair:
    """Height and width of a tensor `[N, C, H, W]` or `[N, C, W]`."""
    if len(shape) not in {3, 4}:
        call.refuse(f"an input of rank {len(shape)}; images (N, C, H, W) and sequences (N, C, W) are supported")
    return pair_of(shape[2:], 1)


def pair_of(values: tuple[int, ...], neutral: int) -> Pair:
    """One or two values for height and width; `neutral` is the height of sequences."""
    height, width = (neutral, *values)[-2:]
    return height, width


def read_window(call: Call, kernel: tuple[int, ...], size: Pair) -> tuple[Window, Pair]:
    """Return the window over an input of `size` (height, width), and the padding below and to the right.

    Refuses what the engine does not do: sizes over 4096, negative padding, padding as large as the kernel.
    """
    window, after = read_padded_window(call, kernel, size)
    reach = reach_of(window)
    if any(p < 0 or p >= r for p, r in zip((*window.pad, *after), (*reach, *reach), strict=True)):
        call.refuse(f"pads {(*window.pad, *after)} with a kernel that reaches {reach}")
    return window, after


def read_padded_window(call: Call, kernel: tuple[int, ...], size: Pair) -> tuple[Window, Pair]:
    """As `read_window`, with padding of any size."""
    ones = (1,) * len(kernel)
    stride, dilation = (pair_of(call.ints(name, ones), 1) for name in ("strides", "dilations"))
    window = Window(pair_of(kernel, 1), stride, dilation)
    if not all(1 <= n <= MAX_WINDOW for n in (*window.kernel, *stride, *dilation)):
        call.refuse(f"kernel {kernel}, strides {stride}, dilations {dilation}; 1 to {MAX_WINDOW} is supported")
    before, after = _pads(call, window, size, len(kernel))
    return replace(window, pad=before), after


def reach_of(window: Window) -> Pair:
    """How far a window reaches, its dilation included."""
    (kh, kw), (dh, dw) = window.kernel, window.dilation
    return (kh - 1) * dh + 1, (kw - 1) * dw + 1


def _pads(call: Call, window: Window, size: Pair, rank: int) -> tuple[Pair, Pair]:
    mode = call.attribute("auto_pad", "NOTSET")
    if mode in {"NOTSET", "VALID"}:
        pads = call.ints("pads", (0,) * (2 * rank)) if mode == "NOTSET" else (0,) * (2 * rank)
        return pair_of(pads[:rank], 0), pair_of(pads[rank:], 0)
    if mode not in {"SAME_UPPER", "SAME_LOWER"}:
        call.malformed(f"auto_pad is {mode!r}")
    sizes = zip(size, window.stride, reach_of(window), strict=True)
    total = [max(0, (-(-n // s) - 1) * s + r - n) for n, s, r in sizes]
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
