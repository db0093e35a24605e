"""PAD, PADV2 and MIRROR_PAD."""

from edgefn.graph.importers.bounds import MAX_DIM
from edgefn.graph.importers.padding import Mode, by_indices, padded
from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.ir import Tensor

__all__ = ["mirror_pad", "pad", "pad_v2"]


def pad(call: Call) -> str:
    """Zeros, or what integers have for it, in constant widths."""
    x = call.joinable(0)
    return padded(call, x, _widths(call, x), 0.0)


def pad_v2(call: Call) -> str:
    """A constant value of the same quantization."""
    x, value = call.joinable(0), call.input(2)
    number = call.constant(2)
    if number.size != 1 or value.meaning != x.meaning:
        call.refuse(f"padding with {value.dtype} {value.shape} of another quantization than the input")
    real = value.quantization.real(number) if value.quantization else number
    return padded(call, x, _widths(call, x), float(real.reshape(())))


def _widths(call: Call, x: Tensor) -> list[tuple[int, int]]:
    widths = call.constant(1)
    if widths.shape != (len(x.shape), 2) or bool(((widths < 0) | (widths > MAX_DIM)).any()):
        call.malformed(f"paddings {widths.tolist()} of a tensor of rank {len(x.shape)}")
    return [(int(b), int(a)) for b, a in widths]


def mirror_pad(call: Call) -> str:
    """What lies on the other side of the edge, the edge itself included or not: gathered by constant indices."""
    x = call.joinable(0)
    mode: Mode = "reflect" if call.option("mode") == "REFLECT" else "symmetric"
    widths = _widths(call, x)
    for length, (before, after) in zip(x.shape, widths, strict=True):
        if max(before, after) > length - (mode == "reflect"):
            call.malformed(f"paddings {before} and {after} of {length} elements")
    return by_indices(call, x, widths, mode)
