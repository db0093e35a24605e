"""LSTM, GRU, RNN and com.microsoft.DynamicQuantizeLSTM, in one direction, the other, or both."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.importers import recurrence
from edgefn.graph.importers.onnx import unrolled
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.importers.onnx.unrolled import Functions, read_functions
from edgefn.graph.importers.recurrence import Layer, States
from edgefn.graph.ops import Concat, Slice

__all__ = ["dynamic_quantize_lstm", "gru", "lstm", "rnn"]

type Array = NDArray[Any]
type Names = tuple[str, ...]

_DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}


@dataclass(frozen=True, slots=True)
class _Direction:
    """What one direction of a node has: w `[G, H, K]`, biases `[2, G, H]` of w and r, r `[G, H, H]`."""

    number: int
    reverse: bool
    w: Array
    biases: Array
    r: Array
    steps: Array | None = None  # of w, where it is integers: scale and zero point, [2, G, H]

    def layer(self, call: Call, order: list[int], bias: Array) -> Layer:
        """The layer with its gates in another order."""
        steps = self.steps if self.steps is None else self.steps[:, order]
        return Layer(call.scope, call.node.label, self.w[order], bias[order], self.r[order], self.reverse, steps)


type Read = Callable[[Call, int, int], list[_Direction]]


def lstm(call: Call) -> Names:
    """Outputs are h after every step, and h and c after the last."""
    return _lstm(call, _read)


def dynamic_quantize_lstm(call: Call) -> Names:
    """An LSTM of integer weights `[D, K, 4 * H]` whose inputs are quantized as they come; its states stay in floats."""
    return _lstm(call, _read_integers)


def _lstm(call: Call, read: Read) -> Names:
    functions = _lstm_functions(call)
    if call.attribute("input_forget", 0):
        call.refuse("input_forget")

    def run(d: _Direction, x: str) -> States:
        layer = d.layer(call, [0, 2, 3, 1], d.biases.sum(axis=0))
        first = (_first(call, 5, d, x), _first(call, 6, d, x))
        if functions is not None:
            return unrolled.lstm(layer, x, first, _peepholes(call, d), functions)
        return recurrence.lstm(layer, x, first, _peepholes(call, d))

    return _run(call, 4, run, read)


def gru(call: Call) -> Names:
    """Outputs are h after every step, and after the last."""
    _refuse_variants(call, ("sigmoid", "tanh"))
    linear = bool(call.attribute("linear_before_reset", 0))

    def run(d: _Direction, x: str) -> States:
        of_w, of_r = d.biases
        within = np.where(np.arange(3)[:, None] == 2, of_w, of_w + of_r)
        layer = d.layer(call, [0, 1, 2], within)
        return recurrence.gru(layer, x, _first(call, 5, d, x), of_r[2], linear=linear)

    return _run(call, 3, run, _read)


def rnn(call: Call) -> Names:
    """Outputs are h after every step, and after the last."""
    names = [name.lower() for name in call.strings("activations")] or ["tanh"]
    function: Literal["tanh", "relu"] = "relu" if set(names) == {"relu"} else "tanh"
    _refuse_variants(call, (function,))

    def run(d: _Direction, x: str) -> States:
        layer = d.layer(call, [0], d.biases.sum(axis=0))
        return recurrence.rnn(layer, x, _first(call, 5, d, x), function)

    return _run(call, 1, run, _read)


def _run(call: Call, gates: int, run: Callable[[_Direction, str], States], read: Read) -> Names:
    """The outputs, from every direction's."""
    x = call.real(0)
    if len(x.shape) != 3:
        call.malformed(f"an input of shape {x.shape}")
    batch_first = _batch_first(call)
    steps = call.transpose(x.name, (1, 0, 2)) if batch_first else x.name
    _refuse_lengths(call, *call.scope.tensor(steps).shape[:2])
    with np.errstate(all="ignore"):  # weights may be anything
        done = [run(d, steps) for d in read(call, gates, x.shape[2])]
    count, batch, cells = call.scope.tensor(done[0].all).shape
    every = _joined(call, 1, [s.all for s in done], (count, 1, batch, cells))
    last = [_joined(call, 0, names, (1, batch, cells)) for names in _last(done)]
    if batch_first:
        return (call.transpose(every, (2, 0, 1, 3)), *(call.transpose(name, (1, 0, 2)) for name in last))
    return (every, *last)


def _last(done: list[States]) -> list[list[str]]:
    states = [[s.h for s in done], [s.c for s in done]]
    return states if done[0].c else states[:1]


def _joined(call: Call, axis: int, parts: list[str], shape: tuple[int, ...]) -> str:
    """One tensor of what each direction gave, which is reshaped to have an axis for it."""
    parts = [call.reshape(part, shape) for part in parts]
    if len(parts) == 1:
        return parts[0]
    return call.emit(Concat(axis), parts, (*shape[:axis], len(parts), *shape[axis + 1 :]))


def _read(call: Call, gates: int, features: int) -> list[_Direction]:
    """The weights of each direction."""
    return _directions(call, gates, features, _constant(call, 1), _constant(call, 2))


def _read_integers(call: Call, gates: int, features: int) -> list[_Direction]:
    """The weights of each direction, whose outputs come last; those of the states in floats."""
    w, w_scale, w_zero = _integers(call, 1, 8)
    r, r_scale, r_zero = _integers(call, 2, 10)
    reals = ((r.astype(np.float32) - r_zero) * r_scale).astype(np.float32)
    found = _directions(call, gates, features, w.transpose(0, 2, 1), reals.transpose(0, 2, 1))
    steps = np.concatenate([w_scale, w_zero], 1).reshape(len(w), 2, gates, -1)
    return [replace(d, steps=steps[d.number]) for d in found]


def _integers(call: Call, index: int, scale: int) -> tuple[Array, Array, Array]:
    """Integers `[D, K, M]`, and their scales and zero points as `[D, 1, M]`: one a direction, or one an output."""
    value, scales = call.constant(index), call.constant(scale)
    zeros = call.constant(scale + 1) if call.has(scale + 1) else np.zeros(scales.shape, value.dtype)
    if value.ndim != 3 or value.dtype not in {np.dtype(np.int8), np.dtype(np.uint8)}:
        call.malformed(f"weights of {value.dtype} {value.shape}")
    directions, _, outputs = value.shape
    if scales.dtype != np.float32 or zeros.dtype != value.dtype:
        call.malformed(f"scales of {scales.dtype} and zero points of {zeros.dtype} for weights of {value.dtype}")
    if any(part.size not in {directions, directions * outputs} for part in (scales, zeros)):
        call.malformed(f"scales of shape {scales.shape} and zero points of shape {zeros.shape} for {value.shape}")
    each = (directions, 1, outputs)
    scale_of, zero_of = (np.broadcast_to(p.reshape(directions, 1, -1), each) for p in (scales, zeros))
    return value, scale_of, zero_of.astype(np.float32)


def _directions(call: Call, gates: int, features: int, w: Array, r: Array) -> list[_Direction]:
    direction = call.attribute("direction", "forward")
    if direction not in _DIRECTIONS:
        call.malformed(f"direction is {direction!r}")
    reverse = _DIRECTIONS[direction]
    cells = r.shape[-1]
    biases = _constant(call, 3) if call.has(3) else np.zeros((len(reverse), 2 * gates * cells), np.float32)
    wanted = [(gates * cells, features), (gates * cells, cells), (2 * gates * cells,)]
    if [a.shape for a in (w, r, biases)] != [(len(reverse), *shape) for shape in wanted]:
        call.malformed(f"weights {w.shape}, {r.shape} and biases {biases.shape} of {len(reverse)} directions")
    if call.attribute("hidden_size", cells) != cells:
        call.malformed(f"hidden_size is {call.attribute('hidden_size', cells)}, weights have {cells}")
    return [
        _Direction(
            i,
            backwards,
            w[i].reshape(gates, cells, features),
            biases[i].reshape(2, gates, cells),
            r[i].reshape(gates, cells, cells),
        )
        for i, backwards in enumerate(reverse)
    ]


def _constant(call: Call, index: int) -> Array:
    """Weights, perhaps dequantized."""
    _, value, q = call.stored(call.real(index))
    return q.real(value) if q else value


def _batch_first(call: Call) -> bool:
    layout = call.attribute("layout", 0)
    if layout not in {0, 1}:
        call.malformed(f"layout is {layout}")
    return bool(layout)


def _first(call: Call, index: int, d: _Direction, x: str) -> str:
    """The state of one direction before the first step, zeros where the node has none."""
    batch, cells = call.scope.tensor(x).shape[1], d.r.shape[-1]
    if not call.has(index):
        return call.scope.constant(f"{call.node.label}.zeros", np.zeros((batch, cells), np.float32))
    t = call.real(index)
    name = call.transpose(t.name, (1, 0, 2)) if _batch_first(call) and len(t.shape) == 3 else t.name
    shape = call.scope.tensor(name).shape
    if len(shape) != 3 or shape[0] <= d.number or shape[1:] != (batch, cells):
        call.malformed(f"a first state of shape {t.shape} for {batch} sequences of {cells} cells")
    one = call.emit(Slice((d.number, 0, 0), (1, 1, 1)), (name,), (1, batch, cells))
    return call.reshape(one, (batch, cells))


def _peepholes(call: Call, d: _Direction) -> Array:
    """Of i, f, o, `[3, H]`; ONNX has them as i, o, f."""
    cells = d.r.shape[-1]
    if not call.has(7):
        return np.zeros((3, cells), np.float32)
    p = _constant(call, 7)
    if p.ndim != 2 or p.shape[0] <= d.number or p.shape[1] != 3 * cells:
        call.malformed(f"peepholes of shape {p.shape} for {cells} cells")
    return np.asarray(p[d.number].reshape(3, cells)[[0, 2, 1]])


def _lstm_functions(call: Call) -> Functions | None:
    """Functions that the engine's op does not have, the same in both directions."""
    usual, named = ["sigmoid", "tanh", "tanh"], [name.lower() for name in call.strings("activations")]
    if named in ([], usual, usual * 2):
        _refuse_variants(call, tuple(usual))
        return None
    if call.attribute("clip", 0.0):
        call.refuse("clip")
    if len(named) not in {3, 6} or named[:3] != named[-3:]:
        call.refuse(f"activations {', '.join(named)}; three are supported, the same in both directions")
    return read_functions(call, named)


def _refuse_variants(call: Call, activations: tuple[str, ...]) -> None:
    named = [name.lower() for name in call.strings("activations")]
    if named and named not in ([*activations], [*activations] * 2):
        call.refuse(f"activations {', '.join(named)}; {', '.join(activations)} is supported")
    for name in ("clip", "activation_alpha", "activation_beta"):
        if call.node.attributes.get(name):
            call.refuse(name)


def _refuse_lengths(call: Call, steps: int, batch: int) -> None:
    """Sequences must be of one length, known at compile time."""
    if not call.has(4):
        return
    lengths = call.input(4).constant
    if lengths is None or lengths.shape != (batch,) or not bool((lengths == steps).all()):
        call.refuse(f"sequence_lens other than {steps}, the length of the input")
