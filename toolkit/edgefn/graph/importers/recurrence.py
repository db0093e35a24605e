"""Recurrent layers as every format has them: a dense layer for the products of all inputs, then the steps of time."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.importers.builder import Builder
from edgefn.graph.ir import OPEN, Bounds, Op, Shape, Tensor
from edgefn.graph.ops import Dense, DenseDynamic, DynamicQuantize, DynamicRange, Gru, Lstm, Reshape, Rnn, Slice
from edgefn.graph.ops.lstm import head
from edgefn.graph.ops.recurrent import spread

__all__ = ["Layer", "States", "gru", "lstm", "rnn"]

type Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Layer:
    """One direction: constants w `[G, H, K]`, bias `[G, H]` and r `[G, H, H]` of G gates in the order of the op's.

    Where w are integers, `steps` are the scale and the zero point of each of its rows, `[2, G, H]`; inputs are then
    quantized as they come.
    """

    builder: Builder
    label: str
    w: Array
    bias: Array
    r: Array
    reverse: bool = False
    steps: Array | None = None

    @property
    def cells(self) -> int:
        return int(self.r.shape[-1])

    def sums(self, x: str) -> str:
        """What `x` `[T, B, K]` adds to the gates: `[T, B, G * r8(H)]`."""
        weights, bias = spread(self.w), spread(self.bias)
        shape = (*self.builder.tensor(x).shape[:2], len(bias))
        if self.steps is not None:
            return self._integer_sums(x, weights, spread(self.steps[0]), spread(self.steps[1]), bias)
        return self.emit(Dense(), (x, self.constant("w", weights), self.constant("b", bias)), shape)

    def _integer_sums(self, x: str, weights: Array, scales: Array, zeros: Array, bias: Array) -> str:
        shape = self.builder.tensor(x).shape
        steps = self.emit(DynamicRange(), (x,), (2,))
        integers = self.builder.emit(self.label, DynamicQuantize(), (x, steps), Tensor(self.label, "i8", shape))
        w = self.builder.constant(f"{self.label}.w", weights)
        z = self.builder.constant(f"{self.label}.zeros", zeros.astype(np.int32))
        parts = (integers, steps, w, z, self.constant("scales", scales), self.constant("b", bias))
        return self.emit(DenseDynamic(), parts, (*shape[:2], len(bias)))

    def states(self, after: str, c: str = "") -> "States":
        """States from h after every step."""
        steps, batch, cells = self.builder.tensor(after).shape
        begin = 0 if self.reverse else steps - 1
        last = self.emit(Slice((begin, 0, 0), (1, 1, 1)), (after,), (1, batch, cells))
        return States(after, self.reshape(last, (batch, cells)), c)

    def constant(self, part: str, value: Array) -> str:
        return self.builder.constant(f"{self.label}.{part}", value.astype(np.float32))

    def emit(self, op: Op, inputs: tuple[str, ...], shape: Shape) -> str:
        return self.builder.emit(self.label, op, inputs, Tensor(self.label, "f32", shape))

    def reshape(self, x: str, shape: Shape) -> str:
        return self.emit(Reshape(), (x,), shape)


@dataclass(frozen=True, slots=True)
class States:
    """Names of h after every step `[T, B, H]`, of h and, in an LSTM, of c after the last one `[B, H]`."""

    all: str
    h: str
    c: str = ""


def lstm(layer: Layer, x: str, first: tuple[str, str], peepholes: Array, bounds: Bounds = OPEN) -> States:
    """Gates i, f, g, o; `first` are h and c before the first step, `peepholes` `[3, H]` of i, f, o, `bounds` of c."""
    sums = layer.sums(x)
    steps, batch, _ = layer.builder.tensor(sums).shape
    size = batch * layer.cells
    begin = head(batch, layer.cells)
    inputs = (sums, *first, layer.constant("r", layer.r), layer.constant("p", peepholes))
    flat = layer.emit(Lstm(layer.reverse, bounds), inputs, (begin + steps * size,))
    after = layer.emit(Slice((begin,), (1,)), (flat,), (steps * size,))
    cell = layer.emit(Slice((0,), (1,)), (flat,), (size,))
    return layer.states(layer.reshape(after, (steps, batch, layer.cells)), layer.reshape(cell, (batch, layer.cells)))


def gru(layer: Layer, x: str, h: str, bias: Array, *, linear: bool) -> States:
    """Gates z, r, n; `bias` `[H]` is the recurrence of n's; `linear` as Gru says."""
    sums = layer.sums(x)
    shape = (*layer.builder.tensor(sums).shape[:2], layer.cells)
    inputs = (sums, h, layer.constant("r", layer.r), layer.constant("rb", bias))
    return layer.states(layer.emit(Gru(linear, layer.reverse), inputs, shape))


def rnn(layer: Layer, x: str, h: str, function: Literal["tanh", "relu"]) -> States:
    """One gate."""
    sums = layer.sums(x)
    shape = (*layer.builder.tensor(sums).shape[:2], layer.cells)
    return layer.states(layer.emit(Rnn(function, layer.reverse), (sums, h, layer.constant("r", layer.r)), shape))
