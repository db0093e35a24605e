"""Integer weights beyond -127 to 127, which is what the engine multiplies by.

What is too much goes to copies of the input: `w * x` is `127 * x + (w - 127) * x`. Models of 2018 have unsigned weights
around any zero point; later ones at most a -128.
"""

from dataclasses import replace

import numpy as np

from edgefn.graph.importers.bounds import MAX_WINDOW
from edgefn.graph.importers.kernel import Kernel
from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.ir import Tensor, Window
from edgefn.graph.ops import Concat, Gather, Repeat

__all__ = ["MOST", "channels_narrowed", "columns_narrowed", "is_wide"]

MOST = 127


def is_wide(kernel: Kernel) -> bool:
    return kernel.value.dtype == np.int16


def _parts(kernel: Kernel) -> list[Kernel]:
    """Kernels in i8 whose sum it is; only the first may be zero."""
    parts: list[Kernel] = []
    left = kernel.value
    while not parts or left.any():
        part = np.clip(left, -MOST, MOST)
        parts.append(replace(kernel, value=part.astype(np.int8)))
        left = left - part
    return parts


def channels_narrowed(call: Call, x: Tensor, kernel: Kernel) -> tuple[Tensor, Kernel]:
    """`x` `[..., C]` with copies of some channels behind it, and the kernel `[M, ..., C]` for all of them."""
    if not is_wide(kernel):
        return x, kernel
    axis, copies, values = len(x.shape) - 1, [x], []
    for number, part in enumerate(_parts(kernel)):
        depth = range(part.shape[-1])
        used = list(depth) if number == 0 else np.flatnonzero(part.value.reshape(-1, len(depth)).any(axis=0)).tolist()
        values.append(part.value[..., used])
        if number:
            places = call.scope.constant(f"{kernel.name}.channels", np.array(used, np.int32))
            copies.append(call.scope.tensor(call.moved(Gather(axis), x, (*x.shape[:axis], len(used)), places)))
    value = np.concatenate(values, axis=-1)
    shape = (*x.shape[:axis], value.shape[-1])
    whole = call.moved(Concat(axis), x, shape, *(t.name for t in copies[1:])) if len(copies) > 1 else x.name
    return call.scope.tensor(whole), replace(kernel, value=value)


def columns_narrowed(call: Call, x: Tensor, kernel: Kernel, window: Window) -> tuple[Tensor, Kernel, Window]:
    """Images with every column several times, a depthwise kernel `[M, kh, kw, 1]` and a window for them."""
    if not is_wide(kernel):
        return x, kernel, window
    if window.dilation[1] != 1:
        call.refuse(f"weights {kernel.name!r} beyond -{MOST} to {MOST} that are dilated")
    parts = _parts(kernel)
    count = len(parts)
    if max(window.kernel[1], window.stride[1]) * count > MAX_WINDOW:
        call.refuse(f"a window of {window.kernel} with weights beyond -{MOST} to {MOST}")
    value = np.stack([p.value for p in parts], axis=3).reshape(*kernel.shape[:2], -1, 1)
    wide = Window(
        (window.kernel[0], window.kernel[1] * count),
        (window.stride[0], window.stride[1] * count),
        window.dilation,
        (window.pad[0], window.pad[1] * count),
    )
    if count > 1:
        x = call.scope.tensor(call.moved(Repeat((1, 1, count, 1)), x, (*x.shape[:2], x.shape[2] * count, x.shape[3])))
    return x, replace(kernel, value=value), wide
