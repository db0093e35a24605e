"""SVDF in floats: filters over features and time, of which each is a product of the two, or a sum of such products."""

import numpy as np

from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.importers.tflite.variables import state_of
from edgefn.graph.importers.tflite.weights import bias_of, reals_of
from edgefn.graph.ops import Add, Binary, Concat, Dense, Reduce, Slice

__all__ = ["svdf"]

X, FEATURES, TIME, BIAS, STATE = range(5)


def svdf(call: Call) -> str:
    """`[B, K]` with features `[F, K]`, times `[F, M]` and a state `[B, F * M]` to `[B, F / rank]`."""
    x, features, times, rank = call.input(X), reals_of(call, FEATURES), reals_of(call, TIME), call.option("rank")
    if x.dtype != "f32" or len(x.shape) != 2:
        call.refuse(f"an input of {x.dtype} {x.shape}; f32 of rank 2 is supported")
    filters, memory = times.shape if times.ndim == 2 else (0, 0)
    if features.shape != (filters, x.shape[1]) or rank < 1 or filters % rank or memory == 0:
        call.malformed(f"features {features.shape} and times {times.shape} of rank {rank} with an input {x.shape}")
    batch, units = x.shape[0], filters // rank
    variable, before = state_of(call, STATE, (batch, filters * memory))
    names = [call.scope.constant(f"{call.label}.{n}", v) for n, v in (("features", features), ("times", times))]
    zeros = call.scope.constant(f"{call.label}.zeros", np.zeros(filters, np.float32))
    new = call.reshape(call.emit(Dense(), (x.name, names[0], zeros), (batch, filters)), (batch, filters, 1))
    state = _shifted(call, call.reshape(before, (batch, filters, memory)), new)
    variable.now = call.reshape(state, (batch, filters * memory))
    parts = call.emit(Binary("mul"), (state, names[1]), (batch, filters, memory))
    sums = call.emit(Reduce("sum", (2,)), (call.reshape(parts, (batch, units, rank * memory)),), (batch, units, 1))
    y = call.reshape(sums, (batch, units))
    bias = bias_of(call, BIAS, units, "f32")
    if bias is not None:
        y = call.emit(Add(), (y, call.scope.constant(bias.name, bias.value)), (batch, units))
    return call.activated(y)


def _shifted(call: Call, state: str, new: str) -> str:
    """The state `[B, F, M]` without its first column and with a new last one."""
    batch, filters, memory = call.scope.tensor(state).shape
    if memory == 1:
        return new
    rest = call.emit(Slice((0, 0, 1), (1, 1, 1)), (state,), (batch, filters, memory - 1))
    return call.emit(Concat(2), (rest, new), (batch, filters, memory))
