"""Recurrent layers as every format has them: a dense layer for the products of all inputs, then the steps of time."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.importers.builder import Builder
from edgefn.graph.ir import OPEN, Bounds, Op, Shape, Tensor
from edgefn.graph.ops import Dense, Gru, Lstm, Reshape, Rnn, Slice
from edgefn.graph.ops.lstm import head
from edgefn.graph.ops.recurrent import spread

__all__ = ["Layer", "States", "gru", "lstm", "rnn"]

type Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Layer:
    """One direction: constants w `[G, H, K]`, bias `[G, H]` and r `[G, H, H]` of G gates in the order of the op's."""

    builder: Builder
    label: str
    w: Array
    bias: Array
    r: Array
    reverse: bool = False

    @property
    def cells(self) -> int:
        return int(self.r.shape[-1])

    def sums(self, x: str) -> str:
        """What `x` `[T, B, K]` adds to the gates: `[T, B, G * r8(H)]`."""
        weights, bias = spread(self.w), spread(self.bias)
        shape = (*self.builder.tensor(x).shape[:2], len(bias))
        return self.emit(Dense(), (x, self.constant("w", weights), self.constant("b", bias)), shape)

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
