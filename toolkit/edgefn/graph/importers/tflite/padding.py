"""PAD, PADV2 and MIRROR_PAD."""

import numpy as np

from edgefn.graph.importers.bounds import MAX_DIM
from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.ir import Tensor
from edgefn.graph.ops import Gather, Pad

__all__ = ["mirror_pad", "pad", "pad_v2"]


def pad(call: Call) -> str:
    """Zeros, or what integers have for it, in constant widths."""
    return _padded(call, call.movable(0), 0.0)


def pad_v2(call: Call) -> str:
    """A constant value of the same quantization."""
    x, value = call.movable(0), call.input(2)
    number = call.constant(2)
    if number.size != 1 or value.meaning != x.meaning:
        call.refuse(f"padding with {value.dtype} {value.shape} of another quantization than the input")
    real = value.quantization.real(number) if value.quantization else number
    return _padded(call, x, float(real.reshape(())))


def _padded(call: Call, x: Tensor, value: float) -> str:
    widths = _widths(call, x)
    if not any(b or a for b, a in widths):
        return x.name
    shape = [d + b + a for d, (b, a) in zip(x.shape, widths, strict=True)]
    return call.moved(Pad(tuple(b for b, _ in widths), value), x, shape)


def _widths(call: Call, x: Tensor) -> list[tuple[int, int]]:
    widths = call.constant(1)
    if widths.shape != (len(x.shape), 2) or bool(((widths < 0) | (widths > MAX_DIM)).any()):
        call.malformed(f"paddings {widths.tolist()} of a tensor of rank {len(x.shape)}")
    return [(int(b), int(a)) for b, a in widths]


def mirror_pad(call: Call) -> str:
    """What lies on the other side of the edge, the edge itself included or not: gathered by constant indices."""
    x = call.movable(0)
    mode = "reflect" if call.option("mode") == "REFLECT" else "symmetric"
    for axis, (before, after) in enumerate(_widths(call, x)):
        length = x.shape[axis]
        if max(before, after) > length - (mode == "reflect"):
            call.malformed(f"paddings {before} and {after} of {length} elements")
        if before or after:
            shape = (*x.shape[:axis], length + before + after, *x.shape[axis + 1 :])
            call.scope.check_size(call.label, shape)
            places = np.pad(np.arange(length, dtype=np.int32), (before, after), mode)  # type: ignore[call-overload]
            indices = call.scope.constant(f"{call.label}.indices", places)
            x = call.scope.tensor(call.moved(Gather(axis), x, shape, indices))
    return x.name
