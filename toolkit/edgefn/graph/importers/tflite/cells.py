"""LSTM cells that the engine has no op for, step by step: coupled gates, layer normalization, a projection.

The arithmetic is that of TFLite's reference kernel in floats (CalculateLstmGateFloat and what follows it).
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.importers.recurrence import States
from edgefn.graph.importers.spans import Span, sliced
from edgefn.graph.importers.tflite.parts import joined
from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.ir import Bounds, Op, Shape, Tensor
from edgefn.graph.ops import Add, Binary, Dense, LayerNorm, Unary

__all__ = ["Cell"]

type Array = NDArray[Any]

EPSILON = 1e-8  # of the normalization


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """Gates i, f, g and o of H cells, or f, g and o where i is what f leaves (`coupled`).

    Constants: w `[G, H, K]`, r `[G, H, P]`, bias `[G, H]`, peepholes `[3, H]` of i, f and o; norms `[G, H]` or none;
    a projection `[P, H]` with its bias `[P]` or none, P being H then. `clips` are those of c and of h.
    """

    call: Call
    w: Array
    r: Array
    bias: Array
    peepholes: Array
    norms: Array | None
    projection: tuple[Array, Array] | None
    clips: tuple[Bounds, Bounds]
    held: dict[str, str] = field(default_factory=dict)  # names of constants, by their part

    def run(self, x: str, first: tuple[str, str], *, reverse: bool) -> States:
        """States for x `[T, B, K]`, from h and c before the first step."""
        steps, batch, _ = self.call.scope.tensor(x).shape
        gates, cells, _ = self.w.shape
        bias = np.zeros(gates * cells) if self.norms is not None else self.bias.reshape(-1)
        sums = self._dense("w", x, self.w.reshape(gates * cells, -1), bias)
        h, c = first
        after: list[str] = [""] * steps
        for step in reversed(range(steps)) if reverse else range(steps):
            part = sliced(
                self.call, self._tensor(sums), [Span(step, 1, 1), Span(0, 1, batch), Span(0, 1, gates * cells)]
            )
            part = self.call.reshape(part, (batch, gates * cells))
            h, c = self._step(self._add(part, self._dense("r", h, self.r.reshape(gates * cells, -1))), c)
            after[step] = self.call.reshape(h, (1, *self._tensor(h).shape))
        return States(joined(self.call, self.call.scope.graph.of(after), 0), h, c)

    def _step(self, sums: str, c: str) -> tuple[str, str]:
        """One step: h and c after it, from the sums of all gates and c before it."""
        *i, f, g, o = range(len(self.w))
        forget = self._unary("sigmoid", self._gate(sums, f, 1, c))
        enter = (
            self._unary("sigmoid", self._gate(sums, i[0], 0, c))
            if i
            else self._binary("sub", self._constant("one", np.ones(1)), forget)
        )
        new = self._binary("mul", enter, self._unary("tanh", self._gate(sums, g)))
        c = self.call.clamped(self._add(self._binary("mul", forget, c), new), self.clips[0])
        leave = self._unary("sigmoid", self._gate(sums, o, 2, c))
        h = self._binary("mul", leave, self._unary("tanh", c))
        if self.projection is not None:
            h = self.call.clamped(self._dense("projection", h, *self.projection), self.clips[1])
        return h, c

    def _gate(self, sums: str, gate: int, peephole: int = -1, c: str = "") -> str:
        """The sum of a gate before its function."""
        batch, cells = self._tensor(sums).shape[0], self.w.shape[1]
        y = sliced(self.call, self._tensor(sums), [Span(0, 1, batch), Span(gate * cells, 1, cells)])
        if peephole >= 0 and self.peepholes[peephole].any():
            y = self._add(y, self._binary("mul", c, self._constant(f"peephole{peephole}", self.peepholes[peephole])))
        if self.norms is None:
            return y
        factors = (self._constant(f"norm{gate}", self.norms[gate]), self._constant(f"bias{gate}", self.bias[gate]))
        return self._emit(LayerNorm(EPSILON), (y, *factors), (batch, cells))

    def _tensor(self, name: str) -> Tensor:
        return self.call.scope.tensor(name)

    def _constant(self, part: str, value: Array) -> str:
        if part not in self.held:
            name, numbers = f"{self.call.label}.{part}", value.astype(np.float32)
            self.held[part] = self.call.scope.constant(name, numbers)
        return self.held[part]

    def _dense(self, part: str, x: str, w: Array, bias: Array | None = None) -> str:
        added = self._constant(f"{part}.bias", np.zeros(len(w)) if bias is None else bias)
        return self._emit(Dense(), (x, self._constant(part, w), added), (*self._tensor(x).shape[:-1], len(w)))

    def _add(self, a: str, b: str) -> str:
        return self._emit(Add(), (a, b), self._tensor(a).shape)

    def _binary(self, function: str, a: str, b: str) -> str:
        return self._emit(Binary(function), (a, b), np.broadcast_shapes(self._tensor(a).shape, self._tensor(b).shape))

    def _unary(self, function: str, x: str) -> str:
        return self._emit(Unary(function), (x,), self._tensor(x).shape)

    def _emit(self, op: Op, inputs: tuple[str, ...], shape: Shape) -> str:
        return self.call.emit(op, inputs, shape, Tensor(self.call.label, "f32", ()))
