"""LSTM run after run: in int8 as the reference kernel of TFLite, in floats as its equations; and in both directions."""

from dataclasses import dataclass

import numpy as np
import pytest

from edgefn.engine.library import FLAVOURS
from edgefn.engine.standalone import Runner
from edgefn.errors import ModelError, UnsupportedError

F = np.float32
TANH, RELU = 4, 1
W_SCALES, R_SCALES = (0.002, 0.0013, 0.0021, 0.0017), (0.003, 0.0041, 0.0023, 0.0037)


class Lstm:
    """Tensors of an operator in the order of its inputs; -1 for what it does not have."""

    def __init__(self, writer, shape, cells, *, kind, x=None, h=None, c=None):
        self.w, self.kind = writer, kind
        self.inputs = [-1] * 24
        self.inputs[0] = writer.tensor("x", shape, kind, **quantized(writer, x))
        batch = shape[0]
        self.put(18, "h", (batch, cells), kind, IsVariable=True, **quantized(writer, h))
        self.put(19, "c", (batch, cells), "INT16" if kind == "INT8" else kind, IsVariable=True, **quantized(writer, c))

    def put(self, place, name, shape, kind="FLOAT32", constant=None, **fields):
        self.inputs[place] = self.w.tensor(name, shape, kind, constant, **fields)

    def weights(self, first, values, kind, scales=(None,) * 4):
        for i, (value, scale) in enumerate(zip(values, scales)):
            self.put(first + i, f"c{first + i}", value.shape, kind, value, **quantized(self.w, scale and (scale, 0)))

    def end(self, shape, y=None, hidden=None, activation=TANH, **fields):
        marks = [self.w.tensor(f"i{i}", (), "FLOAT32") for i in range(4)]
        marks.append(self.w.tensor("hidden", (), self.kind, **quantized(self.w, hidden or y)))
        out = self.w.tensor("y", shape, self.kind, **quantized(self.w, y))
        options = {"FusedActivationFunction": activation, **fields}
        more = {"Intermediates": np.array(marks, np.int32)} if self.kind == "INT8" else {}
        name = "UNIDIRECTIONAL_SEQUENCE_LSTM"
        self.w.op(name, self.inputs, [out], "UnidirectionalSequenceLSTMOptions", options, **more)
        self.w.subgraph([self.inputs[0]], [out])
        return self.w


def quantized(writer, parameters):
    return {"Quantization": writer.quantization([parameters[0]], [parameters[1]])} if parameters else {}


def integers(writer, *, seed, cells, features, steps, batch, cell, clip, zero, time_major, hidden=None, y=None):
    """A model of random integers, and the inputs of two runs."""
    rng = np.random.default_rng(seed)
    w, r = (rng.integers(-127, 128, (4, cells, n), np.int8) for n in (features, cells))
    bias = rng.integers(-60000, 60000, (4, cells), np.int32)
    first = (steps, batch) if time_major else (batch, steps)
    x, state = rng.integers(-128, 128, (2, *first, features), np.int8), (0.0075, zero)
    lstm = Lstm(writer, x.shape[1:], cells, kind="INT8", x=(0.02, -7), h=state, c=(2.0**cell, 0))
    if time_major:
        lstm.put(18, "h", (batch, cells), "INT8", IsVariable=True, **quantized(writer, state))
        lstm.put(19, "c", (batch, cells), "INT16", IsVariable=True, **quantized(writer, (2.0**cell, 0)))
    lstm.weights(1, w, "INT8", W_SCALES)
    lstm.weights(5, r, "INT8", R_SCALES)
    lstm.weights(12, bias, "INT32")
    return lstm.end((*first, cells), y or state, hidden or state, CellClip=clip, TimeMajor=time_major), x


# What LiteRT 2.3 gives (BUILTIN_REF), in two runs one after the other.
CASES = [
    (
        {
            "seed": 1,
            "cells": 5,
            "features": 3,
            "steps": 4,
            "batch": 1,
            "cell": -11,
            "clip": 10.0,
            "zero": 0,
            "time_major": False,
        },
        """
        -2 54 -2 4 42 -4 47 -7 4 75 -3 67 -8 5 86 -5 52 -6 0 103 -6 65 -11 2 102 -4 62 -15 3 104 -5 53 -13 3
        105 -5 70 -16 3 111
        """,
    ),
    (
        {
            "seed": 2,
            "cells": 9,
            "features": 2,
            "steps": 2,
            "batch": 2,
            "cell": -12,
            "clip": 0.0,
            "zero": -4,
            "time_major": False,
        },
        """
        -4 -12 -19 1 -49 -4 -28 2 -1 -5 -13 -24 7 -72 -5 -41 6 11 -5 -10 -16 5 -31 4 -49 0 9 -6 -11 -22 15 -57
        2 -52 3 22 -5 -13 -26 9 -89 -8 -38 7 16 -5 -14 -31 7 -91 -7 -38 8 9 -6 -13 -32 8 -71 2 -42 5 22 -6 -13
        -31 9 -78 1 -43 7 23
        """,
    ),
    (
        {
            "seed": 3,
            "cells": 3,
            "features": 7,
            "steps": 3,
            "batch": 2,
            "cell": -9,
            "clip": 1.0,
            "zero": 17,
            "time_major": True,
        },
        """
        93 28 9 72 47 12 97 28 7 95 40 6 105 36 7 93 60 7 102 35 8 95 39 8 89 37 11 113 25 -5 109 26 4 17 58
        13
        """,
    ),
    (
        {
            "seed": 4,
            "cells": 8,
            "features": 1,
            "steps": 3,
            "batch": 1,
            "cell": -15,
            "clip": 0.0,
            "zero": 0,
            "time_major": False,
        },
        """
        -1 -37 7 -23 7 -38 7 3 0 -53 10 -42 13 -48 13 4 0 -59 12 -45 16 -49 16 5 0 -70 12 -34 13 -53 14 7 0
        -76 11 -35 12 -55 14 7 0 -82 11 -32 11 -55 12 7
        """,
    ),
    (
        {
            "seed": 5,
            "cells": 5,
            "features": 4,
            "steps": 3,
            "batch": 2,
            "cell": -11,
            "clip": 0.0,
            "zero": -3,
            "time_major": False,
            "hidden": (0.009, 4),  # other scales of what is computed, kept and given
            "y": (0.006, -2),
        },
        """
        17 7 1 -1 9 29 11 0 -6 13 29 25 0 -5 15 15 19 1 -7 12 21 19 0 -5 23 32 28 0 -12 19
        45 24 -2 -5 23 44 29 0 -16 18 47 28 -1 -14 22 29 22 -1 -14 28 35 17 -2 -4 41 37 21 -3 -10 32
        """,
    ),
]


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize(("sizes", "wanted"), CASES)
def test_in_int8_it_answers_as_the_reference_kernel(writer, compiled_tflite, sizes, wanted, flavour):
    model, x = integers(writer, **sizes)
    with Runner(compiled_tflite(model).plan, flavour) as runner:
        found = [np.frombuffer(runner.run([one])[0], np.int8) for one in x]
    assert np.concatenate(found).tolist() == [int(number) for number in wanted.split()]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def equations(x, w, r, bias, peepholes, clip, state):
    """All of h for x [T][B][K], from `state`, which is kept."""
    h, c = state
    after = []
    for row in x:
        i, f, g, o = (row @ w[k].T + h @ r[k].T + bias[k] for k in range(4))
        c = sigmoid(f + peepholes[1] * c) * c + sigmoid(i + peepholes[0] * c) * np.tanh(g)
        c = np.clip(c, -clip, clip) if clip else c
        h = sigmoid(o + peepholes[2] * c) * np.tanh(c)
        after.append(h)
    state[:] = h, c
    return np.array(after)


@pytest.mark.parametrize("kind", ["FLOAT32", "FLOAT16"])
@pytest.mark.parametrize(("peep", "clip"), [(0, 0.0), (1, 0.0), (0, 0.6)])
def test_in_floats_it_follows_its_equations_from_run_to_run(writer, compiled_tflite, kind, peep, clip):
    rng = np.random.default_rng(5)
    stored = F if kind == "FLOAT32" else np.float16
    w, r = (rng.normal(0, 0.5, (4, 6, n)).astype(stored) for n in (3, 6))
    bias, p = rng.normal(0, 0.5, (4, 6)).astype(F), rng.normal(0, peep, (3, 6)).astype(F)
    x = rng.normal(0, 1, (3, 2, 4, 3)).astype(F)
    lstm = Lstm(writer, x.shape[1:], 6, kind="FLOAT32")
    lstm.weights(1, w, kind)
    lstm.weights(5, r, kind)
    lstm.weights(12, bias, "FLOAT32")
    if peep:
        lstm.weights(9, p, "FLOAT32")
    state = [np.zeros((2, 6)), np.zeros((2, 6))]
    with Runner(compiled_tflite(lstm.end((2, 4, 6), CellClip=clip)).plan) as runner:
        for one in x:
            found = np.frombuffer(runner.run([one])[0], F).reshape(2, 4, 6)
            wanted = equations(
                one.transpose(1, 0, 2).astype(float), w.astype(float), r.astype(float), bias, p, clip, state
            )
            np.testing.assert_allclose(found, wanted.transpose(1, 0, 2), rtol=1e-5, atol=1e-6)


def small(writer, *, also=(), activation=TANH, h=(0.0075, 0), c=(2.0**-11, 0), w_scale=0.01, **ends):
    lstm = Lstm(writer, (1, 2, 3), 4, kind="INT8", x=(0.02, 0), h=h, c=c)
    lstm.weights(1, np.ones((4, 4, 3), np.int8), "INT8", (w_scale,) * 4)
    lstm.weights(5, np.ones((4, 4, 4), np.int8), "INT8", (0.01,) * 4)
    lstm.weights(12, np.ones((4, 4), np.int32), "INT32")
    for place in also:
        lstm.put(place, "more", (4,), constant=np.ones(4, F))
    return lstm.end((1, 2, 4), (0.0075, 0), activation=activation, **ends)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"also": (16,)}, "supported: a projection .input 16. of integers"),
        ({"also": (20,)}, "supported: layer normalization .input 20. of integers"),
        ({"also": (9,)}, "supported: peepholes .input 9. of integers"),
        ({"activation": RELU}, "the activation RELU"),
        ({"h": None}, "no scale"),
        ({"c": (2.0**-8, 0)}, "2\\^-15 to 2\\^-9"),
        ({"c": (0.003, 0)}, "a cell state of scale 0.003"),
        ({"c": None}, "a cell state without a scale"),
    ],
)
def test_forms_that_are_not_supported_are_refused(writer, compiled_tflite, changes, said):
    with pytest.raises(UnsupportedError, match=said) as error:
        compiled_tflite(small(writer, **changes))
    assert error.value.code == "EFN-M011"


def test_a_state_that_is_no_variable_is_refused(writer, compiled_tflite):
    lstm = Lstm(writer, (1, 2, 3), 4, kind="FLOAT32")
    lstm.weights(1, np.ones((4, 4, 3), F), "FLOAT32")
    lstm.weights(5, np.ones((4, 4, 4), F), "FLOAT32")
    lstm.weights(12, np.ones((4, 4), F), "FLOAT32")
    lstm.put(18, "constant", (1, 4), constant=np.zeros((1, 4), F))
    with pytest.raises(UnsupportedError, match="input 18, 'constant', is no variable"):
        compiled_tflite(lstm.end((1, 2, 4)))


def test_a_state_that_is_missing_is_said_to_be(writer, compiled_tflite):
    lstm = Lstm(writer, (1, 2, 3), 4, kind="FLOAT32")
    lstm.weights(1, np.ones((4, 4, 3), F), "FLOAT32")
    lstm.weights(5, np.ones((4, 4, 4), F), "FLOAT32")
    lstm.weights(12, np.ones((4, 4), F), "FLOAT32")
    lstm.inputs[18] = -1
    with pytest.raises(ModelError, match="input 18 is missing") as error:
        compiled_tflite(lstm.end((1, 2, 4)))
    assert error.value.code == "EFN-M006"


def test_coupled_gates_of_integers_are_refused(writer, compiled_tflite):
    lstm = Lstm(writer, (1, 2, 3), 4, kind="INT8", x=(0.02, 0), h=(0.0075, 0), c=(2.0**-11, 0))
    with pytest.raises(UnsupportedError, match=r"coupled input and forget gates \(input 1 is missing\) of integers"):
        compiled_tflite(lstm.end((1, 2, 4), (0.0075, 0)))


def normalized(gate, factors):
    """A gate `[B, H]` around its mean, by its deviation."""
    if factors is None:
        return gate
    centred = gate - gate.mean(axis=1, keepdims=True)
    return centred / np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + 1e-8) * factors


@dataclass
class Weights:
    """Of one direction: i, f, g and o, or f, g and o alone; norms and a projection, or None."""

    w: np.ndarray
    r: np.ndarray
    bias: np.ndarray
    peepholes: np.ndarray
    norms: np.ndarray | None
    projection: tuple[np.ndarray, np.ndarray] | None

    @classmethod
    def random(cls, rng, features, cells, hidden, *, coupled, peep, norm, project):
        def draw(*shape):
            return rng.normal(0, 0.5, shape).astype(F)

        gates = 4 - coupled
        r = draw(gates, cells, hidden if project else cells)
        norms = draw(gates, cells) if norm else None
        projection = (draw(hidden, cells), draw(hidden)) if project else None
        return cls(draw(gates, cells, features), r, draw(gates, cells), draw(3, cells) * peep, norms, projection)

    def put(self, lstm, offset=0):
        """Write them as constants of an operator."""
        first = 4 - len(self.w)
        lstm.weights(1 + offset + first, self.w, "FLOAT32")
        lstm.weights(5 + offset + first, self.r, "FLOAT32")
        lstm.weights(12 + offset + first, self.bias, "FLOAT32")
        if self.peepholes.any():
            lstm.weights(9 + offset, self.peepholes, "FLOAT32")
        if self.projection:
            lstm.weights(16 + offset, self.projection, "FLOAT32")
        if self.norms is not None:
            lstm.weights(20 + first, self.norms, "FLOAT32")

    def after(self, x, h, c, clips):
        """Return h after every step for x [T][B][K], and the last h and c."""
        states = []
        for row in x:
            sums = [row @ w.T + h @ r.T for w, r in zip(self.w, self.r, strict=True)]
            norms = [None] * len(sums) if self.norms is None else self.norms
            f, g, o = range(len(sums) - 3, len(sums))

            def gate(k, peephole=None, sums=sums, norms=norms, c=c):
                more = 0 if peephole is None else self.peepholes[peephole] * c
                return normalized(sums[k] + more, norms[k]) + self.bias[k]

            forget = sigmoid(gate(f, 1))
            enter = sigmoid(gate(0, 0)) if len(sums) == 4 else 1 - forget
            c = forget * c + enter * np.tanh(gate(g))
            c = np.clip(c, -clips[0], clips[0]) if clips[0] else c
            h = sigmoid(gate(o, 2, c=c)) * np.tanh(c)
            if self.projection:
                h = h @ self.projection[0].T + self.projection[1]
                h = np.clip(h, -clips[1], clips[1]) if clips[1] else h
            states.append(h)
        return np.array(states), h, c


FORMS = [
    {"coupled": False, "peep": 0, "norm": False, "project": True},
    {"coupled": True, "peep": 0, "norm": False, "project": False},
    {"coupled": False, "peep": 1, "norm": True, "project": False},
    {"coupled": True, "peep": 1, "norm": True, "project": True},
]


@pytest.mark.parametrize("clips", [(0.0, 0.0), (0.5, 0.25)])
@pytest.mark.parametrize("form", FORMS)
def test_other_forms_in_floats_follow_their_equations(writer, compiled_tflite, form, clips):
    rng, (steps, batch, features, cells, hidden) = np.random.default_rng(2), (70, 2, 3, 6, 4)
    weights = Weights.random(rng, features, cells, hidden, **form)
    out = hidden if form["project"] else cells
    lstm = Lstm(writer, (batch, steps, features), cells, kind="FLOAT32")
    lstm.put(18, "h", (batch, out), IsVariable=True)
    weights.put(lstm)
    h, c, x = np.zeros((batch, out)), np.zeros((batch, cells)), rng.normal(0, 1, (2, batch, steps, features)).astype(F)
    with Runner(compiled_tflite(lstm.end((batch, steps, out), CellClip=clips[0], ProjClip=clips[1])).plan) as runner:
        for one in x:
            found = np.frombuffer(runner.run([one])[0], F).reshape(batch, steps, out)
            wanted, h, c = weights.after(one.transpose(1, 0, 2).astype(float), h, c, clips)
            np.testing.assert_allclose(found, wanted.transpose(1, 0, 2), rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("merged", [True, False])
@pytest.mark.parametrize("project", [True, False])
def test_both_directions_follow_their_equations(writer, compiled_tflite, project, merged):
    rng, (steps, batch, features, cells, hidden) = np.random.default_rng(4), (5, 2, 3, 6, 4)
    out = hidden if project else cells
    form = {"coupled": False, "peep": 1, "norm": False, "project": project}
    sides = [Weights.random(rng, features, cells, hidden, **form) for _ in range(2)]
    lstm = Lstm(writer, (batch, steps, features), cells, kind="FLOAT32")
    lstm.inputs = [lstm.inputs[0], *[-1] * 47]
    for place, size in ((35, out), (36, cells), (37, out), (38, cells)):
        lstm.put(place, f"s{place}", (batch, size), IsVariable=True)
    for side, offset in zip(sides, (0, 17), strict=True):
        side.put(lstm, offset)
    shapes = [(batch, steps, 2 * out)] if merged else [(batch, steps, out)] * 2
    outputs = [writer.tensor("y", shape) for shape in shapes]
    fields = {"FusedActivationFunction": TANH, "MergeOutputs": merged, "TimeMajor": False}
    options = "BidirectionalSequenceLSTMOptions"
    writer.op("BIDIRECTIONAL_SEQUENCE_LSTM", lstm.inputs, outputs, options, fields)
    writer.subgraph([lstm.inputs[0]], outputs)
    x = rng.normal(0, 1, (batch, steps, features)).astype(F)
    turned, wanted = x.transpose(1, 0, 2).astype(float), []
    for side, ahead in zip(sides, (1, -1), strict=True):
        after, *_ = side.after(turned[::ahead], np.zeros((batch, out)), np.zeros((batch, cells)), (0, 0))
        wanted.append(after[::ahead].transpose(1, 0, 2))
    with Runner(compiled_tflite(writer).plan) as runner:
        found = [np.frombuffer(data, F).reshape(s) for data, s in zip(runner.run([x]), shapes, strict=True)]
    wanted = [np.concatenate(wanted, axis=2)] if merged else wanted
    for f, w in zip(found, wanted, strict=True):
        np.testing.assert_allclose(f, w, rtol=1e-4, atol=1e-5)


def test_a_single_step_keeps_its_state(writer, compiled_tflite):
    rng = np.random.default_rng(6)
    weights = Weights.random(rng, 3, 6, 4, coupled=False, peep=0, norm=False, project=False)
    lstm = Lstm(writer, (2, 3), 6, kind="FLOAT32")
    weights.put(lstm)
    y = writer.tensor("y", (2, 6))
    writer.op("LSTM", lstm.inputs, [y], "LSTMOptions", {"FusedActivationFunction": TANH})
    writer.subgraph([lstm.inputs[0]], [y])
    x = rng.normal(0, 1, (3, 2, 3)).astype(F)
    wanted, *_ = weights.after(x.astype(float), np.zeros((2, 6)), np.zeros((2, 6)), (0, 0))
    with Runner(compiled_tflite(writer).plan) as runner:
        found = [np.frombuffer(runner.run([one])[0], F).reshape(2, 6) for one in x]
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_weights_that_do_not_fit_are_malformed(writer, compiled_tflite):
    lstm = Lstm(writer, (1, 2, 3), 4, kind="FLOAT32")
    lstm.weights(1, np.ones((4, 4, 2), F), "FLOAT32")
    lstm.weights(5, np.ones((4, 4, 4), F), "FLOAT32")
    lstm.weights(12, np.ones((4, 4), F), "FLOAT32")
    with pytest.raises(ModelError, match=r"weights \(4, 4, 2\)") as error:
        compiled_tflite(lstm.end((1, 2, 4)))
    assert error.value.code == "EFN-M006"
