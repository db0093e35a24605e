"""Convolution in groups: several of its own kind, each of some of the channels."""

from typing import Protocol

from edgefn.graph.importers.call import Call
from edgefn.graph.importers.kernel import Kernel
from edgefn.graph.importers.spans import Span, sliced
from edgefn.graph.ir import Tensor
from edgefn.graph.ops import Concat, Repeat
from edgefn.graph.ops.concat import MAX_INPUTS
from edgefn.graph.ops.pack import LANES

__all__ = ["Compute", "grouped"]


class Compute(Protocol):
    """Emits a convolution of images `[N, H, W, C]` by weights `[M, kh, kw, C]`, or `[C, kh, kw, 1]` if depthwise."""

    def __call__(self, image: Tensor, kernel: Kernel, bias: Kernel | None, *, depthwise: bool = False) -> str: ...


def grouped(call: Call, x: Tensor, kernel: Kernel, bias: Kernel | None, group: int, compute: Compute) -> str:  # noqa: PLR0917 -- what a convolution is made of
    """Compute groups together as far as that fills the lanes, and those parts one after another.

    `kernel` is `[M, kh, kw, C / group]`; with a single channel a group its weights are those of every channel.
    """
    outputs, depth = kernel.shape[0], kernel.shape[3]
    if group > 1 and depth == 1:
        return compute(_repeated(call, x, outputs // group), kernel, bias, depthwise=True)
    if group == 1:
        return compute(x, kernel, bias)
    together = next(t for t in range(1, group + 1) if _worthwhile(t, group, outputs))
    parts = []
    for first in range(0, group, together):
        chosen = range(first * outputs // group, (first + together) * outputs // group)
        part = kernel.outputs(chosen)
        call.scope.graph.allowance.demand((*part.shape[:3], together * depth), part.value.itemsize)
        part = part.merged(together)
        parts.append(compute(_channels(call, x, first * depth, together * depth), part, bias and bias.outputs(chosen)))
    if len(parts) == 1:
        return parts[0]
    shape = call.scope.tensor(parts[0]).shape
    return call.moved(Concat(3), call.scope.tensor(parts[0]), (*shape[:3], outputs), *parts[1:])


def _worthwhile(together: int, group: int, outputs: int) -> bool:
    return (
        group % together == 0
        and group // together <= MAX_INPUTS
        and (together == group or together * outputs // group >= LANES)
    )


def _repeated(call: Call, x: Tensor, count: int) -> Tensor:
    """Every channel so many times in a row."""
    if count == 1:
        return x
    return call.scope.tensor(call.moved(Repeat((1, 1, 1, count)), x, (*x.shape[:3], x.shape[3] * count)))


def _channels(call: Call, x: Tensor, first: int, count: int) -> Tensor:
    spans = [*(Span(0, 1, d) for d in x.shape[:3]), Span(first, 1, count)]
    return call.scope.tensor(sliced(call, x, spans))
