"""Transposed convolution as convolutions: the pixels of a result that lie `stride` apart see the same few taps.

Output `q * stride + r` along an axis is the sum, over the taps k for which `r + pad - k * dilation` is a multiple of
stride, of what tap k weighs of input `q + (r + pad - k * dilation) / stride`: for every phase r a convolution of stride
1. Either all phases are channels of one convolution, or each has its own, which multiplies less where they see
different inputs. Their results are then interleaved.
"""

from dataclasses import dataclass
from itertools import product
from math import gcd

import numpy as np

from edgefn.graph.importers.call import Call
from edgefn.graph.importers.kernel import Kernel
from edgefn.graph.ir import Shape, Tensor, Window
from edgefn.graph.ops import Concat, Conv2d, Depthwise, Pad, Reshape, Slice, Tile, Transpose
from edgefn.graph.ops.concat import MAX_INPUTS
from edgefn.graph.ops.pack import LANES

__all__ = ["MAX_PHASES", "Axis", "Transposed"]

MAX_PHASES = 1_024  # each has lists and a copy of its taps before anything is known to be worth it
FEW_APART = 16  # convolutions that are worth the products they save
NEAR = 1.15  # how many more products a single convolution may have, as it saves a pass over the result


@dataclass(frozen=True, slots=True)
class Phase:
    """One r along an axis: taps in the order in which they meet the input, which begin at element `q + begin`."""

    taps: tuple[int, ...]
    begin: int
    dilation: int

    @property
    def reach(self) -> int:
        return (len(self.taps) - 1) * self.dilation + 1


@dataclass(frozen=True, slots=True)
class Axis:
    """The geometry along one axis: `length` of the input, `size` of the result, `pad` cut off in front of it."""

    length: int
    kernel: int
    stride: int
    dilation: int
    pad: int
    size: int

    @property
    def count(self) -> int:
        """How many outputs every phase computes; the last of some are one too many."""
        return -(-self.size // self.stride)

    def apart(self) -> list[Phase]:
        """The phases, each with its own taps."""
        found = []
        seen: list[list[int]] = [[] for _ in range(self.stride)]
        for k in range(self.kernel):
            seen[(k * self.dilation - self.pad) % self.stride].append(k)
        for r, taps in enumerate(seen):
            begin = (r + self.pad - taps[-1] * self.dilation) // self.stride if taps else 0
            step = self.dilation // gcd(self.stride, self.dilation) if len(taps) > 1 else 1
            found.append(Phase(tuple(taps[::-1]) or (-1,), begin, step))  # without taps nothing but the bias
        return found

    def together(self) -> list[Phase]:
        """The same, filled up with zeros so that all see the same inputs; none where they are dilated."""
        phases = self.apart()
        if any(p.dilation > 1 for p in phases):
            return []
        begin, end = min(p.begin for p in phases), max(p.begin + p.reach for p in phases)
        taps = [(-1,) * (p.begin - begin) + p.taps + (-1,) * (end - p.begin - p.reach) for p in phases]
        return [Phase(t, begin, 1) for t in taps]

    def padded(self, phase: Phase) -> tuple[int, int, int]:
        """Return how the input has to be padded in front and behind, and where in that the phase begins.

        All are 0 where the window of a convolution can pad as the phase needs it.
        """
        if 0 <= -phase.begin < phase.reach and self.count - 1 < self.length - phase.begin:
            return 0, 0, 0
        front = max(0, -phase.begin)
        return front, max(0, phase.begin + self.count - 1 + phase.reach - self.length), phase.begin + front


@dataclass(frozen=True, slots=True)
class Transposed:
    """Weights `[M, kh, kw, C]`, or `[C, kh, kw, 1]` for each channel its own, a bias `[M]`, and the geometry."""

    kernel: Kernel
    bias: Kernel | None
    axes: tuple[Axis, Axis]
    depthwise: bool = False

    def emit(self, call: Call, x: Tensor) -> str:
        """Emit what computes `[N, height, width, M]` of images `[N, H, W, C]`."""
        rows, columns = self.axes
        if rows.stride * columns.stride > MAX_PHASES:
            call.refuse(
                f"strides {rows.stride} and {columns.stride} make {rows.stride * columns.stride:,} phases;"
                f" up to {MAX_PHASES:,} are supported"
            )
        phases = list(product(rows.apart(), columns.apart()))
        united = list(product(rows.together(), columns.together()))
        if united and self._pays(phases, united):
            y = self._together(call, x, united)
        elif len(phases) <= MAX_INPUTS:
            parts = [self._convolved(call, x, self.kernel, self.bias, phase) for phase in phases]
            y = _joined(call, parts)
        else:
            call.refuse(f"strides {rows.stride} and {columns.stride} with dilations")
        return self._interleaved(call, call.scope.tensor(y))

    def _pays(self, phases: list[tuple[Phase, Phase]], united: list[tuple[Phase, Phase]]) -> bool:
        """Whether one convolution for all phases is cheaper than one for each."""
        outputs = self.kernel.shape[0]
        wide = 1 if self.depthwise else LANES
        single = -(-outputs * len(united) // wide) * wide * len(united[0][0].taps) * len(united[0][1].taps)
        apart = sum(-(-outputs // wide) * wide * len(y.taps) * len(x.taps) for y, x in phases)
        return len(phases) > FEW_APART or single <= NEAR * apart

    def _together(self, call: Call, x: Tensor, phases: list[tuple[Phase, Phase]]) -> str:
        outputs, count = self.kernel.shape[0], len(phases)
        taps = (len(phases[0][0].taps), len(phases[0][1].taps))
        call.scope.graph.allowance.demand((count, outputs, *taps, self.kernel.shape[3]))
        order = list(range(outputs)) * count
        parts = [self.kernel.taps(1, y.taps).taps(2, x.taps).value for y, x in phases]
        kernel = self.kernel.joined(np.concatenate(parts), order)
        bias = self.bias.outputs(order) if self.bias else None
        if self.depthwise and count > 1:
            x = call.scope.tensor(call.moved(Tile((1, 1, 1, count)), x, (*x.shape[:3], x.shape[3] * count)))
        first = tuple(Phase(tuple(range(n)), p.begin, 1) for n, p in zip(taps, phases[0], strict=True))
        return self._convolved(call, x, kernel, bias, (first[0], first[1]))

    def _convolved(
        self, call: Call, x: Tensor, kernel: Kernel, bias: Kernel | None, phases: tuple[Phase, Phase]
    ) -> str:
        """One convolution of stride 1."""
        kernel = kernel.taps(1, phases[0].taps).taps(2, phases[1].taps)
        x, pads = self._reaching(call, x, phases)
        size = (len(phases[0].taps), len(phases[1].taps))
        window = Window(size, (1, 1), (phases[0].dilation, phases[1].dilation), pads)
        op = Depthwise(window) if self.depthwise else Conv2d(window)
        shape = (x.shape[0], self.axes[0].count, self.axes[1].count, kernel.shape[0])
        return call.emit(op, (x.name, *call.layer(op.axis, kernel, bias)), shape)

    def _reaching(self, call: Call, x: Tensor, phases: tuple[Phase, Phase]) -> tuple[Tensor, tuple[int, int]]:
        """Return the input as the windows of these phases can take it, and what they pad."""
        wide = [axis.padded(phase) for axis, phase in zip(self.axes, phases, strict=True)]
        pads = [0 if any(w) else -p.begin for w, p in zip(wide, phases, strict=True)]
        fronts, backs, begins = zip(*wide, strict=True)
        if any((*fronts, *backs)):
            height, width = (n + f + b for n, f, b in zip(x.shape[1:3], fronts, backs, strict=True))
            x = call.scope.tensor(call.moved(Pad((0, *fronts, 0)), x, (x.shape[0], height, width, x.shape[3])))
        if any(begins):
            height, width = (n - b for n, b in zip(x.shape[1:3], begins, strict=True))
            op = Slice((0, *begins, 0), (1, 1, 1, 1))
            x = call.scope.tensor(call.moved(op, x, (x.shape[0], height, width, x.shape[3])))
        return x, (pads[0], pads[1])

    def _interleaved(self, call: Call, y: Tensor) -> str:
        """`[N, counts, phases * M]` to the pixels of the result."""
        rows, columns = self.axes
        (n, height, width, _), m = y.shape, self.kernel.shape[0]
        if rows.stride > 1:
            y = _shaped(call, Reshape(), y, (n, height, width, rows.stride, columns.stride, m))
            perm, shape = (0, 1, 3, 2, 4, 5), (n, height, rows.stride, width, columns.stride, m)
            y = call.scope.tensor(call.moved(Transpose(perm), y, shape))
        y = _shaped(call, Reshape(), y, (n, height * rows.stride, width * columns.stride, m))
        return _shaped(call, Slice((0,) * 4, (1,) * 4), y, (n, rows.size, columns.size, m)).name


def _shaped(call: Call, op: Reshape | Slice, x: Tensor, shape: Shape) -> Tensor:
    """`x` in another shape, unless it has it."""
    return x if shape == x.shape else call.scope.tensor(call.moved(op, x, shape))


def _joined(call: Call, parts: list[str]) -> str:
    """Results one behind the other along the channels."""
    if len(parts) == 1:
        return parts[0]
    first = call.scope.tensor(parts[0])
    return call.moved(Concat(3), first, (*first.shape[:3], first.shape[3] * len(parts)), *parts[1:])
