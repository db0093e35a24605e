"""UNIDIRECTIONAL_SEQUENCE_LSTM, in float and in int8, whose states go from run to run."""

from collections.abc import Callable
from math import log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.importers import recurrence
from edgefn.graph.importers.recurrence import Layer
from edgefn.graph.importers.tflite.scope import Call, Variable
from edgefn.graph.importers.tflite.tensor import TfliteTensor
from edgefn.graph.importers.tflite.variables import value_of, variable_tensor
from edgefn.graph.ir import Bounds, Quantization, Shape, Tensor
from edgefn.graph.ops import LstmQ8, Reshape, Slice, Transpose
from edgefn.graph.ops.lstm_q8 import head

__all__ = ["unidirectional_sequence_lstm"]

type Array = NDArray[Any]

# Inputs of the operator: gates are i, f, g, o there too, peepholes i, f, o.
X, W, R, PEEPHOLES, BIASES, PROJECTION, H, C, NORMS = 0, 1, 5, 9, 12, 16, 18, 19, 20
HIDDEN = 4  # of the intermediates
CELL_BITS = (0, 6)  # in front of the point of c, as the integer kernel has them


def unidirectional_sequence_lstm(call: Call) -> str:
    """`[B, T, K]`, or `[T, B, K]` when the operator says time_major, to all states likewise."""
    x = call.input(X)
    if len(x.shape) != 3:
        call.refuse(f"an input of shape {x.shape}; rank 3 is supported")
    if not call.has(W):
        call.refuse(f"coupled input and forget gates (input {W} is missing)")
    for what, places in (("a projection", (PROJECTION, PROJECTION + 1)), ("layer normalization", range(NORMS, 24))):
        given = [i for i in places if call.has(i)]
        if given:
            call.refuse(f"{what} (input {given[0]})")
    if call.option("fused_activation_function") != "TANH":
        call.refuse(f"the activation {call.option('fused_activation_function')}")
    steps = x.name if call.option("time_major") else _turned(call, x)
    made = _integers(call, steps) if x.dtype == "i8" else _floats(call, steps)
    return made if call.option("time_major") else _turned(call, call.scope.tensor(made))


def _turned(call: Call, t: Tensor) -> str:
    """A tensor with its batch first as one with its steps first, and back."""
    return call.emit(Transpose((1, 0, 2)), (t.name,), (t.shape[1], t.shape[0], t.shape[2]), t)


def _floats(call: Call, x: str) -> str:
    w, r, bias = (_gates(call, first, lambda i: _real(call, i)) for first in (W, R, BIASES))
    cells = r.shape[1]
    peepholes = [_real(call, PEEPHOLES + i) if call.has(PEEPHOLES + i) else np.zeros(cells) for i in range(3)]
    _check(call, x, w, r, bias)
    if any(p.shape != (cells,) for p in peepholes):
        call.malformed(f"peepholes of {[p.shape for p in peepholes]} for {cells} cells")
    clip = call.option("cell_clip")
    bounds = Bounds(-clip, clip) if clip > 0 else Bounds()
    batch = call.scope.tensor(x).shape[1]
    (h, first_h), (c, first_c) = (_state(call, i, (batch, cells)) for i in (H, C))
    layer = Layer(call.scope, call.label, w, bias, r)
    states = recurrence.lstm(layer, x, (first_h, first_c), np.stack(peepholes), bounds)
    h.now, c.now = states.h, states.c
    return states.all


def _integers(call: Call, x: str) -> str:
    weights = [[call.input(first + gate) for gate in range(4)] for first in (W, R)]
    w, r, bias = (_gates(call, first, call.constant) for first in (W, R, BIASES))
    scales = [tuple(_scale(call, t) for t in side) for side in weights]
    given = [i for i in range(PEEPHOLES, BIASES) if call.has(i)]
    if given:
        call.refuse(f"peepholes (input {given[0]}) of integers")
    if bias.dtype != np.int32:
        call.refuse(f"biases of {bias.dtype}; int32 is supported")
    _check(call, x, w, r, bias)
    y, (steps, batch, _), cells = _hidden(call), call.scope.tensor(x).shape, r.shape[1]
    (h, first_h), (c, first_c) = _state(call, H, (batch, cells)), _state(call, C, (batch, cells, 2))
    if any(call.scope.tensor(first).dtype != "i8" for first in (first_h, first_c)):
        call.malformed("states other than i8 and i16")
    size, begin = batch * cells, head(batch, cells)
    constants = [call.scope.constant(f"{call.label}.{n}", v) for n, v in (("w", w), ("r", r), ("bias", bias))]
    op = LstmQ8(scales[0], scales[1], _cell_bits(call), _clip(call))
    flat = call.emit(op, (x, first_h, first_c, *constants), (begin + steps * size,), y)
    part = call.emit(Slice((begin,), (1,)), (flat,), (steps * size,), y)
    cell = Tensor(f"{call.label}.c", "i8", (2 * size,))
    c.now = call.reshape(call.emit(Slice((0,), (1,)), (flat,), cell.shape, cell), (batch, cells, 2))
    after = call.emit(Reshape(), (part,), (steps, batch, cells), y)
    last = call.emit(Slice((steps - 1, 0, 0), (1, 1, 1)), (after,), (1, batch, cells), y)
    h.now = call.emit(Reshape(), (last,), (batch, cells), call.scope.tensor(first_h))
    return after


def _gates(call: Call, first: int, read: Callable[[int], Array]) -> Array:
    """Constants of four gates, one after another: weights `[4, H, K]`, biases `[4, H]`."""
    parts = [read(first + gate) for gate in range(4)]
    if any(p.shape != parts[0].shape for p in parts) or parts[0].ndim != (1 if first == BIASES else 2):
        call.malformed(f"gates of {[p.shape for p in parts]}")
    return np.stack(parts)


def _check(call: Call, x: str, w: Array, r: Array, bias: Array) -> None:
    features, cells = call.scope.tensor(x).shape[2], r.shape[1]
    if w.shape != (4, cells, features) or r.shape != (4, cells, cells) or bias.shape != (4, cells):
        call.malformed(f"weights {w.shape}, {r.shape} and biases {bias.shape} with inputs of {features}")


def _real(call: Call, index: int) -> Array:
    """Constant weights in f32, stored as such, as f16, or as integers with a scale (a hybrid model)."""
    value, q = call.constant(index), call.input(index).quantization
    return q.real(value) if q else value.astype(np.float32)


def _scale(call: Call, t: Tensor) -> float:
    """The one scale of constant i8 weights."""
    q = t.quantization
    least = bool(np.any(t.constant == -128))
    if t.dtype != "i8" or q is None or not q.per_tensor or q.scalar[1] != 0 or least:
        call.refuse(f"weights {t.name!r} are not i8 around zero, from -127 to 127, with one scale")
    return q.scalar[0]


def _state(call: Call, index: int, shape: Shape) -> tuple[Variable, str]:
    """A tensor that is kept between runs, and its value before the first step."""
    variable, like = variable_tensor(call, index)
    if like.shape != shape:
        call.malformed(f"a state of shape {like.shape}, not {shape}")
    return variable, value_of(call, variable, like)


def _declared(call: Call, index: int) -> TfliteTensor:
    return call.scope.tensors[call.op.inputs[index]]


def _hidden(call: Call) -> Tensor:
    """What h is, by the intermediate that says so; the states and the output agree with it."""
    intermediates = call.op.intermediates
    h = (
        call.scope.declared(intermediates[HIDDEN])
        if len(intermediates) > HIDDEN and intermediates[HIDDEN] >= 0
        else None
    )
    like = call.scope.declared(call.op.inputs[H])
    if h is None or h.quantization is None or not h.quantization.per_tensor or call.output.dtype != "i8":
        call.refuse("an int8 LSTM whose hidden state has no scale")
    if not h.quantization.same(like.quantization) or not h.quantization.same(call.output.quantization):
        call.refuse("an int8 LSTM whose hidden state, state and output differ in scale")
    return Tensor(call.output.name, "i8", (), Quantization.of(*h.quantization.scalar))


def _cell_scale(call: Call) -> float:
    q = _declared(call, C).quantization
    if q is None or q.scales.size != 1 or bool(q.zero_points.any()) or not 0 < q.scales[0] < 1:
        call.refuse("a cell state without a scale, or around something else than zero")
    return float(q.scales[0])


def _cell_bits(call: Call) -> int:
    """The scale of c is a power of two."""
    bits = log2(_cell_scale(call)) + 15
    if bits != int(bits) or not CELL_BITS[0] <= bits <= CELL_BITS[1]:
        call.refuse(f"a cell state of scale {_cell_scale(call):g}; 2^-15 to 2^-9 is supported")
    return int(bits)


def _clip(call: Call) -> int:
    clip = float(np.float32(call.option("cell_clip")) / np.float32(_cell_scale(call)))
    return int(min(clip, 32767.0)) if clip > 0 else 0
