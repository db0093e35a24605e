"""Windows over height and width, as convolutions and pools have them in a plan."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.ir import Window
from edgefn.graph.records import PlanOp, PlanTensor
from edgefn.graph.view import View

__all__ = ["CONV_WORDS", "POOL_WORDS", "check_window", "taps_of", "window_of", "window_words"]

type Array = NDArray[Any]

MAX_WINDOW = 4096
_KERNEL, _PADS = "kh kw stride_h stride_w", "pad_top pad_left"
CONV_WORDS = f"{_KERNEL} dilation_h dilation_w {_PADS}"
POOL_WORDS = f"{_KERNEL} {_PADS}"


def window_words(window: Window, words: str) -> dict[str, int]:
    """The parameters that `words` names."""
    values = dict(zip(CONV_WORDS.split(), (*window.kernel, *window.stride, *window.dilation, *window.pad), strict=True))
    return {word: values[word] for word in words.split()}


def window_of(op: PlanOp) -> Window:
    """Return the window of a convolution's parameters."""
    kh, kw, *rest = (op[word] for word in CONV_WORDS.split())
    return Window((kh, kw), (rest[0], rest[1]), (rest[2], rest[3]), (rest[4], rest[5]))


def check_window(v: View) -> None:
    """Need rank 4, one batch, sizes and pads in range, and every window to begin inside the padded input."""
    x, y, op = v.tensor["x"], v.tensor["y"], v.op
    v.need(len(x.dims) == 4 and len(y.dims) == 4, f"x {x.dims} or y {y.dims} is not of rank 4")
    v.need(x.dims[0] == y.dims[0], "x and y differ in batch")
    for axis, side, pad_name in ((1, "h", "pad_top"), (2, "w", "pad_left")):
        kernel, stride, pad = op[f"k{side}"], op[f"stride_{side}"], op[pad_name]
        dilation = op[f"dilation_{side}"] if "dilation_h" in op else 1
        v.need(all(1 <= n <= MAX_WINDOW for n in (kernel, stride, dilation)), "a kernel size, stride or dilation")
        reach = (kernel - 1) * dilation + 1
        v.need(0 <= pad <= MAX_WINDOW and pad < reach, f"{pad_name} is {pad} with a kernel of {reach}")
        v.need((y.dims[axis] - 1) * stride < x.dims[axis] + pad, "a window begins behind the input")


def taps_of(op: PlanOp, x: Array, y: PlanTensor, fill: float) -> Array:
    """What every output position reads: `[N, OH, OW, kh * kw, C]`; `fill` stands outside the input."""
    (kh, kw), (sh, sw) = (op["kh"], op["kw"]), (op["stride_h"], op["stride_w"])
    dh, dw = (op["dilation_h"], op["dilation_w"]) if "dilation_h" in op else (1, 1)
    _, oh, ow, _ = y.dims
    below = max(0, (oh - 1) * sh + (kh - 1) * dh + 1 - x.shape[1] - op["pad_top"])
    right = max(0, (ow - 1) * sw + (kw - 1) * dw + 1 - x.shape[2] - op["pad_left"])
    pads = ((0, 0), (op["pad_top"], below), (op["pad_left"], right), (0, 0))
    wide = np.pad(x, pads, constant_values=fill)
    parts = [
        wide[:, i * dh : i * dh + (oh - 1) * sh + 1 : sh, j * dw : j * dw + (ow - 1) * sw + 1 : sw]
        for i in range(kh)
        for j in range(kw)
    ]
    return np.stack(parts, axis=3)
