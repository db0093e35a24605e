"""RNN, UNIDIRECTIONAL_SEQUENCE_RNN and BIDIRECTIONAL_SEQUENCE_RNN in floats; their states go from run to run."""

from typing import Literal

from edgefn.graph.importers import recurrence
from edgefn.graph.importers.recurrence import Layer
from edgefn.graph.importers.tflite.parts import joined
from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.importers.tflite.variables import state_of
from edgefn.graph.importers.tflite.weights import reals_of
from edgefn.graph.ir import Tensor
from edgefn.graph.ops import Transpose

__all__ = ["bidirectional_sequence_rnn", "rnn", "unidirectional_sequence_rnn"]

# Inputs: x, then of each direction the weights of x and of h, a bias and the state; then those of an auxiliary input.
X, FORWARD, BACKWARD, AUXILIARY = 0, 1, 5, range(9, 12)
_FUNCTIONS: dict[str, Literal["tanh", "relu"]] = {"RELU": "relu", "TANH": "tanh"}


def rnn(call: Call) -> str:
    """One step, `[B, K]` to `[B, H]`."""
    x = _floats(call, 2)
    y = _steps(call, call.reshape(x.name, (1, *x.shape)), FORWARD)
    return call.reshape(y, call.scope.tensor(y).shape[1:])


def unidirectional_sequence_rnn(call: Call) -> str:
    """`[B, T, K]`, or `[T, B, K]` when the operator says time_major, to all states likewise."""
    x, major = _floats(call, 3), call.option("time_major")
    y = _steps(call, x.name if major else _turned(call, x), FORWARD)
    return y if major else _turned(call, call.scope.tensor(y))


def bidirectional_sequence_rnn(call: Call) -> tuple[str, ...]:
    """As in one direction: all states of both, side by side or each by itself."""
    x, major = _floats(call, 3), call.option("time_major")
    given = [i for i in AUXILIARY if call.has(i)]
    if given:
        call.refuse(f"an auxiliary input (input {given[0]})")
    steps = x.name if major else _turned(call, x)
    made = [_steps(call, steps, FORWARD), _steps(call, steps, BACKWARD, reverse=True)]
    turned = made if major else [_turned(call, t) for t in call.scope.graph.of(made)]
    return (joined(call, call.scope.graph.of(turned), 2),) if call.option("merge_outputs") else tuple(turned)


def _floats(call: Call, rank: int) -> Tensor:
    x = call.input(X)
    if x.dtype != "f32" or len(x.shape) != rank:
        call.refuse(f"an input of {x.dtype} {x.shape}; f32 of rank {rank} is supported")
    return x


def _turned(call: Call, t: Tensor) -> str:
    """A tensor with its batch first as one with its steps first, and back."""
    return call.moved(Transpose((1, 0, 2)), t, (t.shape[1], t.shape[0], t.shape[2]))


def _steps(call: Call, x: str, first: int, *, reverse: bool = False) -> str:
    """All states `[T, B, H]` for x `[T, B, K]`, by the weights from input `first` on."""
    name = call.option("fused_activation_function")
    if name not in _FUNCTIONS:
        call.refuse(f"the activation {name}; supported are {', '.join(_FUNCTIONS)}")
    w, r, bias = (reals_of(call, first + i) for i in range(3))
    _, batch, features = call.scope.tensor(x).shape
    cells = bias.size
    if bias.ndim != 1 or w.shape != (cells, features) or r.shape != (cells, cells):
        call.malformed(f"weights {w.shape} and {r.shape} with a bias of {bias.shape} and inputs of {features}")
    h, before = state_of(call, first + 3, (batch, cells))
    layer = Layer(call.scope, call.label, w[None], bias[None], r[None], reverse)
    states = recurrence.rnn(layer, x, before, _FUNCTIONS[name])
    h.now = states.h
    return states.all
