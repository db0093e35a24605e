"""Pad in all its modes."""

from collections.abc import Sequence

import numpy as np

from edgefn.graph.importers.bounds import MAX_DIM
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.importers.spans import Span, sliced
from edgefn.graph.ir import Tensor
from edgefn.graph.ops import Gather, Pad

__all__ = ["MODES", "pad", "read_pad"]

type Widths = list[tuple[int, int]]

MODES = ("constant", "reflect", "edge", "wrap")


def pad(call: Call) -> str:
    """Constant pads; negative ones cut off. Modes other than constant gather by indices that are computed here."""
    x = call.value(0)
    mode, widths, value = read_pad(call, len(x.shape))
    spans = [Span(max(0, -b), 1, d + min(b, 0) + min(a, 0)) for d, (b, a) in zip(x.shape, widths, strict=True)]
    x = call.scope.tensor(sliced(call, x, spans))
    widths = [(max(0, b), max(0, a)) for b, a in widths]
    if not any(b or a for b, a in widths):
        return x.name
    if mode != "constant":
        return _by_indices(call, x, widths, mode)
    shape = [d + b + a for d, (b, a) in zip(x.shape, widths, strict=True)]
    return call.moved(Pad(tuple(b for b, _ in widths), value), x, shape)


def _by_indices(call: Call, x: Tensor, widths: Sequence[tuple[int, int]], mode: str) -> str:
    for axis, (before, after) in enumerate(widths):
        if before or after:
            length = x.shape[axis]
            shape = (*x.shape[:axis], length + before + after, *x.shape[axis + 1 :])
            call.scope.check_size(call.node.label, shape)
            places = np.pad(np.arange(length, dtype=np.int32), (before, after), mode)  # type: ignore[call-overload]
            indices = call.scope.constant(f"{call.node.label}.indices", places)
            x = call.scope.tensor(call.moved(Gather(axis), x, shape, indices))
    return x.name


def read_pad(call: Call, rank: int) -> tuple[str, Widths, float]:
    """Mode, widths before and after each axis, and the constant: attributes before opset 11, constant inputs since."""
    mode = call.attribute("mode", "constant")
    if mode not in MODES:
        call.malformed(f"mode {mode!r}")
    if call.opset < 11:
        pads, value, axes = list(call.attribute("pads", ())), call.attribute("value", 0.0), list(range(rank))
    else:
        pads, value = call.integers(1), _scalar(call, 2) if call.has(2) else 0.0
        axes = [call.axis(a, rank) for a in call.integers(3)] if call.has(3) else list(range(rank))
    if len(pads) != 2 * len(axes) or len(set(axes)) != len(axes) or any(abs(p) > MAX_DIM for p in pads):
        call.malformed(f"pads {pads} of axes {axes} of a tensor of rank {rank}")
    widths = [(0, 0)] * rank
    for i, axis in enumerate(axes):
        widths[axis] = (pads[i], pads[i + len(axes)])
    return mode, widths, value


def _scalar(call: Call, index: int) -> float:
    number: float = call.single(index).item()
    return number
