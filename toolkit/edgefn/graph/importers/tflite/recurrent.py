"""LSTM, in one direction and in both, and in one also in int8; its states go from run to run."""

from collections.abc import Callable
from dataclasses import dataclass
from math import log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.importers import recurrence
from edgefn.graph.importers.recurrence import Layer
from edgefn.graph.importers.tflite.cells import Cell
from edgefn.graph.importers.tflite.parts import joined
from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.importers.tflite.tensor import TfliteTensor
from edgefn.graph.importers.tflite.variables import state_of
from edgefn.graph.importers.tflite.weights import reals_of
from edgefn.graph.ir import Bounds, Quantization, Tensor
from edgefn.graph.ops import LstmQ8, Reshape, Slice, Transpose
from edgefn.graph.ops.lstm_q8 import head

__all__ = ["bidirectional_sequence_lstm", "lstm", "unidirectional_sequence_lstm"]

type Array = NDArray[Any]

# Inputs of the operator: gates are i, f, g, o there too, peepholes i, f, o.
X, W, R, PEEPHOLES, BIASES, PROJECTION, H, C, NORMS = 0, 1, 5, 9, 12, 16, 18, 19, 20
HIDDEN = 4  # of the intermediates
CELL_BITS = (0, 6)  # in front of the point of c, as the integer kernel has them
_FLOATS_ONLY = (
    ("peepholes", range(PEEPHOLES, BIASES)),
    ("a projection", range(PROJECTION, H)),
    ("layer normalization", range(NORMS, NORMS + 4)),
)
# Of one in both directions: how much further the weights of the second lie, and the states of each.
BACKWARD, FORWARD_STATES, BACKWARD_STATES, AUXILIARY = 17, (35, 36), (37, 38), range(39, 48)


@dataclass(frozen=True, slots=True)
class Side:
    """A direction: how far behind their usual places its weights lie, and where h, c and the norms do."""

    offset: int = 0
    states: tuple[int, int] = (H, C)
    norms: int | None = NORMS
    reverse: bool = False


def unidirectional_sequence_lstm(call: Call) -> str:
    """`[B, T, K]`, or `[T, B, K]` when the operator says time_major, to all states likewise."""
    x = _sequence(call)
    steps = x.name if call.option("time_major") else _turned(call, x)
    made = call.scope.tensor(_integers(call, steps) if x.dtype == "i8" else _floats(call, steps, Side()))
    after = made if call.option("time_major") else call.scope.tensor(_turned(call, made))
    return after.name if after.meaning == call.output.meaning else call.emit(Reshape(), (after.name,), after.shape)


def lstm(call: Call) -> tuple[str, ...]:
    """One step, `[B, K]`, in floats; the last of the outputs is h."""
    if call.option("kernel_type") != "FULL" or len(call.op.outputs) != 1:
        call.refuse(f"a kernel of the type {call.option('kernel_type')} with {len(call.op.outputs)} outputs")
    x = call.input(X)
    if x.dtype != "f32" or len(x.shape) != 2:
        call.refuse(f"an input of {x.dtype} {x.shape}; f32 of rank 2 is supported")
    _check_activation(call)
    y = _floats(call, call.reshape(x.name, (1, *x.shape)), Side())
    return (call.reshape(y, call.scope.tensor(y).shape[1:]),)


def bidirectional_sequence_lstm(call: Call) -> tuple[str, ...]:
    """As in one direction, in floats: all states of both, side by side or each by itself."""
    x = _sequence(call)
    given = [i for i in AUXILIARY if call.has(i)]
    if given or x.dtype != "f32":
        call.refuse(f"an auxiliary input (input {given[0]})" if given else f"{x.dtype}; f32 is supported")
    major = call.option("time_major")
    steps = x.name if major else _turned(call, x)
    sides = Side(0, FORWARD_STATES, None), Side(BACKWARD, BACKWARD_STATES, None, reverse=True)
    made = [call.scope.tensor(_floats(call, steps, side)) for side in sides]
    turned = [t if major else call.scope.tensor(_turned(call, t)) for t in made]
    return (joined(call, turned, 2),) if call.option("merge_outputs") else tuple(t.name for t in turned)


def _sequence(call: Call) -> Tensor:
    x = call.input(X)
    if len(x.shape) != 3:
        call.refuse(f"an input of shape {x.shape}; rank 3 is supported")
    _check_activation(call)
    return x


def _check_activation(call: Call) -> None:
    if call.option("fused_activation_function") != "TANH":
        call.refuse(f"the activation {call.option('fused_activation_function')}")


def _turned(call: Call, t: Tensor) -> str:
    """A tensor with its batch first as one with its steps first, and back."""
    return call.emit(Transpose((1, 0, 2)), (t.name,), (t.shape[1], t.shape[0], t.shape[2]), t)


def _floats(call: Call, x: str, side: Side) -> str:
    """All states of a direction, `[T, B, H]`, for x `[T, B, K]`."""
    coupled = not call.has(W + side.offset)
    w, r, bias = (_gates(call, first + side.offset, lambda i: reals_of(call, i), coupled) for first in (W, R, BIASES))
    places = [PEEPHOLES + side.offset + i for i in range(3)]
    cells = w.shape[1]
    peepholes = [reals_of(call, i) if call.has(i) else np.zeros(cells) for i in places]
    norms = _norms(call, side, coupled)
    projection = _projection(call, PROJECTION + side.offset)
    hidden = cells if projection is None else len(projection[0])
    _check(call, x, (w, r, bias), hidden)
    vectors = [*peepholes, *(norms if norms is not None else ())]
    if any(p.shape != (cells,) for p in vectors) or (projection and projection[0].shape != (hidden, cells)):
        call.malformed(f"peepholes, norms or a projection of {[p.shape for p in vectors]} for {cells} cells")
    batch = call.scope.tensor(x).shape[1]
    (h, first_h), (c, first_c) = (
        state_of(call, i, (batch, n)) for i, n in zip(side.states, (hidden, cells), strict=True)
    )
    if coupled or norms is not None or projection is not None:
        clips = _bounds(call, "cell_clip"), _bounds(call, "proj_clip")
        cell = Cell(call, w, r, bias, np.stack(peepholes), norms, projection, clips)
        states = cell.run(x, (first_h, first_c), reverse=side.reverse)
    else:
        layer = Layer(call.scope, call.label, w, bias, r, side.reverse)
        bounds = _bounds(call, "cell_clip")
        states = recurrence.lstm(layer, x, (first_h, first_c), np.stack(peepholes), bounds)
    h.now, c.now = states.h, states.c
    return states.all


def _bounds(call: Call, name: str) -> Bounds:
    clip = call.option(name)
    return Bounds(-clip, clip) if clip > 0 else Bounds()


def _norms(call: Call, side: Side, coupled: bool) -> Array | None:
    """What normalized gates are multiplied by, if they are normalized."""
    if side.norms is None or not call.has(side.norms + 1):
        return None
    parts = [reals_of(call, side.norms + gate) for gate in range(coupled, 4)]
    if any(p.shape != parts[0].shape for p in parts):
        call.malformed(f"norms of {[p.shape for p in parts]}")
    return np.stack(parts)


def _projection(call: Call, place: int) -> tuple[Array, Array] | None:
    if not call.has(place):
        return None
    weights = reals_of(call, place)
    bias = reals_of(call, place + 1) if call.has(place + 1) else np.zeros(len(weights))
    if weights.ndim != 2 or bias.shape != weights.shape[:1]:
        call.malformed(f"a projection of {weights.shape} with a bias of {bias.shape}")
    return weights, bias


def _integers(call: Call, x: str) -> str:
    if not call.has(W):
        call.refuse(f"coupled input and forget gates (input {W} is missing) of integers")
    weights = [[call.input(first + gate) for gate in range(4)] for first in (W, R)]
    w, r, bias = (_gates(call, first, call.constant) for first in (W, R, BIASES))
    scales = [tuple(_scale(call, t) for t in side) for side in weights]
    for what, places in _FLOATS_ONLY:
        given = [i for i in places if call.has(i)]
        if given:
            call.refuse(f"{what} (input {given[0]}) of integers")
    if bias.dtype != np.int32:
        call.refuse(f"biases of {bias.dtype}; int32 is supported")
    _check(call, x, (w, r, bias), r.shape[1])
    y, (steps, batch, _), cells = _hidden(call), call.scope.tensor(x).shape, r.shape[1]
    (h, first_h), (c, first_c) = state_of(call, H, (batch, cells)), state_of(call, C, (batch, cells, 2))
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


def _gates(call: Call, first: int, read: Callable[[int], Array], coupled: bool = False) -> Array:
    """Constants of all gates, one after another: weights `[G, H, K]`, biases `[G, H]`; coupled gates lack the first."""
    parts = [read(first + gate) for gate in range(coupled, 4)]
    if any(p.shape != parts[0].shape for p in parts) or parts[0].ndim != (2 if first % BACKWARD < PEEPHOLES else 1):
        call.malformed(f"gates of {[p.shape for p in parts]}")
    return np.stack(parts)


def _check(call: Call, x: str, gates: tuple[Array, Array, Array], hidden: int) -> None:
    w, r, bias = gates
    count, cells, _ = w.shape
    features = call.scope.tensor(x).shape[2]
    if w.shape[2] != features or r.shape != (count, cells, hidden) or bias.shape != (count, cells):
        call.malformed(f"weights {w.shape}, {r.shape} and biases {bias.shape} with inputs of {features}")


def _scale(call: Call, t: Tensor) -> float:
    """The one scale of constant i8 weights."""
    q = t.quantization
    least = bool(np.any(t.constant == -128))
    if t.dtype != "i8" or q is None or not q.per_tensor or q.scalar[1] != 0 or least:
        call.refuse(f"weights {t.name!r} are not i8 around zero, from -127 to 127, with one scale")
    return q.scalar[0]


def _declared(call: Call, index: int) -> TfliteTensor:
    return call.scope.tensors[call.op.inputs[index]]


def _hidden(call: Call) -> Tensor:
    """What h is as it is computed, by the intermediate that says so; state and output may give it other scales."""
    intermediates = call.op.intermediates
    given = len(intermediates) > HIDDEN and intermediates[HIDDEN] >= 0
    h, kept = (
        call.scope.declared(intermediates[HIDDEN]) if given else call.output,
        call.scope.declared(call.op.inputs[H]),
    )
    scaled = all(t.quantization is not None and t.quantization.per_tensor for t in (h, kept))
    if not scaled or h.quantization is None or call.output.dtype != "i8":
        call.refuse("an int8 LSTM whose hidden state has no scale")
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
