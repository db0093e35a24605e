"""Pad in all its modes."""

from typing import Literal

from edgefn.graph.importers.bounds import MAX_DIM
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.importers.padding import Mode, Widths, by_indices, padded
from edgefn.graph.importers.spans import Span, sliced
from edgefn.graph.ir import Tensor

__all__ = ["MODES", "pad", "read_pad"]

type AnyMode = Literal["constant"] | Mode

MODES = ("constant", "reflect", "edge", "wrap")


def pad(call: Call) -> str:
    """Constant pads; negative ones cut off. Modes other than constant gather by indices that are computed here."""
    x = call.value(0)
    mode, widths, value = read_pad(call, len(x.shape))
    spans = [Span(max(0, -b), 1, d + min(b, 0) + min(a, 0)) for d, (b, a) in zip(x.shape, widths, strict=True)]
    x = call.scope.tensor(sliced(call, x, spans))
    widths = [(max(0, b), max(0, a)) for b, a in widths]
    return padded(call, x, widths, _real(x, value)) if mode == "constant" else by_indices(call, x, widths, mode)


def read_pad(call: Call, rank: int) -> tuple[AnyMode, Widths, float]:
    """Mode, widths before and after each axis, and the constant: attributes before opset 11, constant inputs since."""
    mode = call.attribute("mode", "constant")
    if mode not in MODES:
        call.malformed(f"mode {mode!r}")
    if call.opset < 11:
        pads, value, axes = list(call.attribute("pads", ())), call.attribute("value", 0.0), list(range(rank))
    else:
        pads, value = call.integers(1), _number(call, 2) if call.has(2) else 0.0
        axes = [call.axis(a, rank) for a in call.integers(3)] if call.has(3) else list(range(rank))
    if len(pads) != 2 * len(axes) or len(set(axes)) != len(axes) or any(abs(p) > MAX_DIM for p in pads):
        call.malformed(f"pads {pads} of axes {axes} of a tensor of rank {rank}")
    widths = [(0, 0)] * rank
    for i, axis in enumerate(axes):
        widths[axis] = (pads[i], pads[i + len(axes)])
    return mode, widths, value


def _number(call: Call, index: int) -> float:
    number: float = call.single(index).item()
    return number


def _real(x: Tensor, value: float) -> float:
    """The real number that an integer means as an element of `x`."""
    if x.quantization is None:
        return value
    scale, zero = x.quantization.scalar
    return scale * (value - zero)
