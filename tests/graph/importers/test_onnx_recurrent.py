"""LSTM, GRU and RNN in every direction and layout, against the equations of their specifications."""

import numpy as np
import pytest

from edgefn.errors import ModelError, UnsupportedError

STEPS, BATCH, FEATURES, CELLS = 5, 2, 3, 6
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
DIRECTIONS = {"forward": 1, "reverse": 1, "bidirectional": 2}
F = np.float32


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def run_lstm(x, w, r, b, h, c, p, functions=(sigmoid, np.tanh, np.tanh)):
    """Gates i, o, f, c; peepholes i, o, f. All of h, and c in the end."""
    gate, enter, leave = functions
    p_i, p_o, p_f = np.split(p, 3)
    states = []
    for row in x:
        i, o, f, g = np.split(row @ w.T + h @ r.T + b[0] + b[1], 4, axis=-1)
        c = gate(f + p_f * c) * c + gate(i + p_i * c) * enter(g)
        h = gate(o + p_o * c) * leave(c)
        states.append(h)
    return np.array(states), c


def run_gru(x, w, r, b, h, *, linear):
    states = []
    (w_z, w_r, w_h), (r_z, r_r, r_h) = np.split(w, 3), np.split(r, 3)
    (wb_z, wb_r, wb_h), (rb_z, rb_r, rb_h) = np.split(b[0], 3), np.split(b[1], 3)
    for row in x:
        z, reset = sigmoid(row @ w_z.T + h @ r_z.T + wb_z + rb_z), sigmoid(row @ w_r.T + h @ r_r.T + wb_r + rb_r)
        inner = reset * (h @ r_h.T + rb_h) if linear else (reset * h) @ r_h.T + rb_h
        h = (1 - z) * np.tanh(row @ w_h.T + inner + wb_h) + z * h
        states.append(h)
    return np.array(states)


def run_rnn(x, w, r, b, h, function):
    states = []
    for row in x:
        h = function(row @ w.T + h @ r.T + b[0] + b[1])
        states.append(h)
    return np.array(states)


class Layer:
    """A model of one recurrent node with everything random, whose states are inputs."""

    def __init__(self, model, op, direction, *, layout=0, peepholes=False, opset=14, **attributes):
        rng = np.random.default_rng(len(op) + len(direction) + layout)
        count, rows = DIRECTIONS[direction], GATES[op] * CELLS
        self.op, self.direction, self.layout, self.attributes = op, direction, layout, attributes
        self.functions = (sigmoid, np.tanh, np.tanh)  # of an LSTM
        self.x = rng.normal(0, 1, (STEPS, BATCH, FEATURES)).astype(F)
        self.w, self.r = (rng.normal(0, 0.5, (count, rows, n)).astype(F) for n in (FEATURES, CELLS))
        self.b = rng.normal(0, 0.5, (count, 2 * rows)).astype(F)
        self.h, self.c = rng.normal(0, 0.5, (2, count, BATCH, CELLS)).astype(F)
        self.p = rng.normal(0, peepholes, (count, 3 * CELLS)).astype(F)
        self.m = m = model(opset)
        names = [m.input("x", self.fed[0].shape), *(m.constant(a) for a in (self.w, self.r, self.b)), ""]
        names += [m.input(n, s.shape) for n, s in zip(("h", "c"), self.fed[1:])]
        names += [m.constant(self.p)] if peepholes else []
        said = attributes | ({"layout": layout} if layout else {})
        y = m.node(op, *names, outputs=3 if op == "LSTM" else 2, hidden_size=CELLS, direction=direction, **said)
        for i in range(3 if op == "LSTM" else 2):
            m.output(y[:-1] + str(i))

    @property
    def fed(self):
        """x and the first states, as the layout has them."""
        states = [self.h, self.c] if self.op == "LSTM" else [self.h]
        return [np.ascontiguousarray(v.transpose(1, 0, 2)) if self.layout else v for v in (self.x, *states)]

    def wanted(self):
        """All outputs, in f64."""
        every, last, cells = [], [], []
        for d in range(len(self.w)):
            order = slice(None, None, -1) if self.direction == "reverse" or d == 1 else slice(None)
            x, w, r, h = (a.astype(float) for a in (self.x[order], self.w[d], self.r[d], self.h[d]))
            b = self.b[d].astype(float).reshape(2, -1)
            if self.op == "LSTM":
                states, c = run_lstm(x, w, r, b, h, self.c[d].astype(float), self.p[d].astype(float), self.functions)
                cells.append(c)
            elif self.op == "GRU":
                states = run_gru(x, w, r, b, h, linear=self.attributes.get("linear_before_reset", 0))
            else:
                relu = "Relu" in self.attributes.get("activations", [])
                states = run_rnn(x, w, r, b, h, (lambda v: np.maximum(v, 0)) if relu else np.tanh)
            every.append(states[order])
            last.append(states[-1])
        outputs = [np.stack(every, axis=1), np.stack(last), *([np.stack(cells)] if cells else [])]
        if not self.layout:
            return outputs
        return [outputs[0].transpose(2, 0, 1, 3), *(o.transpose(1, 0, 2) for o in outputs[1:])]


@pytest.mark.parametrize("layout", [0, 1])
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize(
    ("op", "attributes"),
    [
        ("LSTM", {}),
        ("LSTM", {"peepholes": True}),
        ("GRU", {}),
        ("GRU", {"linear_before_reset": 1}),
        ("RNN", {}),
        ("RNN", {"activations": ["Relu", "Relu"]}),
    ],
)
def test_a_layer_agrees_with_its_equations(model, compiled, engine_outputs, op, attributes, direction, layout):
    if "activations" in attributes:
        attributes = {"activations": attributes["activations"][: DIRECTIONS[direction]]}
    layer = Layer(model, op, direction, layout=layout, **attributes)
    for found in engine_outputs(compiled(layer.m).plan, layer.fed):
        for f, w in zip(found, layer.wanted(), strict=True):
            np.testing.assert_allclose(f, w, rtol=1e-5, atol=1e-6)


def test_a_layer_alone_begins_with_zeros_and_needs_no_biases(model, check):
    m = model()
    m.output(m.node("LSTM", m.input("x", (4, 1, 3)), m.random(1, 20, 3), m.random(1, 20, 5), hidden_size=5, outputs=1))
    assert check(m).ops == ["dense_f32", "lstm_f32", "copy"]


def test_lengths_that_are_all_the_steps_there_are_say_nothing(model, check):
    m = model()
    lengths = m.constant(np.full(2, 4, np.int32))
    weights = (m.random(1, 15, 3), m.random(1, 15, 5))
    m.output(m.node("GRU", m.input("x", (4, 2, 3)), *weights, "", lengths, hidden_size=5, outputs=1))
    check(m)


def lstm(m, *more, w=None, r=None, **attributes):
    x = m.input("x", (4, 2, 3))
    w, r = w or m.random(1, 20, 3), r or m.random(1, 20, 5)
    m.output(m.node("LSTM", x, w, r, *more, outputs=1, **{"hidden_size": 5} | attributes))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (lambda m: lstm(m, activations=["Sigmoid", "Affine", "Tanh"]), "activation affine"),
        (lambda m: lstm(m, activations=["Sigmoid", "Relu"]), "three are supported"),
        (lambda m: lstm(m, activations=["Sigmoid", "Relu", "Tanh"], clip=1.0), "clip"),
        (lambda m: lstm(m, clip=3.0), "clip"),
        (lambda m: lstm(m, input_forget=1), "input_forget"),
        (lambda m: lstm(m, "", m.constant(np.array([4, 3], np.int32))), "sequence_lens other than 4"),
        (lambda m: lstm(m, "", m.input("lengths", (2,), "i32")), "sequence_lens other than 4"),
        (lambda m: lstm(m, w=m.input("w", (1, 20, 3))), "weights 'w' are computed at run time"),
    ],
)
def test_forms_that_are_not_supported_are_refused(model, compiled, body, said):
    m = model()
    body(m)
    with pytest.raises(UnsupportedError, match=said) as error:
        compiled(m)
    assert error.value.code == "EFN-M011"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (lambda m: lstm(m, hidden_size=4), "hidden_size is 4, weights have 5"),
        (lambda m: lstm(m, direction="bidirectional"), "of 2 directions"),
        (lambda m: lstm(m, direction="sideways"), "direction is 'sideways'"),
        (lambda m: lstm(m, w=m.random(1, 20, 4)), r"weights \(1, 20, 4\)"),
        (lambda m: lstm(m, layout=2), "layout is 2"),
        (lambda m: lstm(m, "", "", m.random(1, 3, 5)), "a first state of shape"),
        (lambda m: lstm(m, "", "", "", "", m.random(1, 16)), "peepholes of shape"),
    ],
)
def test_what_does_not_fit_is_malformed(model, compiled, body, said):
    m = model()
    body(m)
    with pytest.raises(ModelError, match=said) as error:
        compiled(m)
    assert error.value.code == "EFN-M006"


OTHERS = {
    "Relu": lambda v: np.maximum(v, 0),
    "HardSigmoid": lambda v: np.clip(0.2 * v + 0.5, 0, 1),
    "Softsign": lambda v: v / (1 + np.abs(v)),
    "Softplus": lambda v: np.log1p(np.exp(v)),
    "Elu": lambda v: np.where(v < 0, np.expm1(np.minimum(v, 0)), v),
    "LeakyRelu": lambda v: np.where(v < 0, 0.01 * v, v),
    "Sigmoid": sigmoid,
}


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize(
    "names", [("Sigmoid", "Relu", "Relu"), ("HardSigmoid", "Softsign", "Elu"), ("Sigmoid", "Softplus", "LeakyRelu")]
)
def test_a_layer_of_other_functions_runs_step_by_step(model, compiled, engine_outputs, names, direction):
    layer = Layer(model, "LSTM", direction, peepholes=True, activations=[*names] * DIRECTIONS[direction])
    layer.functions = [OTHERS[name] for name in names]
    for found in engine_outputs(compiled(layer.m).plan, layer.fed):
        for f, w in zip(found, layer.wanted(), strict=True):
            np.testing.assert_allclose(f, w, rtol=1e-5, atol=1e-6)


def test_parameters_of_functions_are_handed_out_in_order(model, compiled, engine_outputs):
    said = {"activation_alpha": [0.3, 0.2], "activation_beta": [0.4]}
    layer = Layer(model, "LSTM", "forward", activations=["HardSigmoid", "Tanh", "LeakyRelu"], **said)
    layer.functions = [lambda v: np.clip(0.3 * v + 0.4, 0, 1), np.tanh, lambda v: np.where(v < 0, 0.2 * v, v)]
    for found in engine_outputs(compiled(layer.m).plan, layer.fed):
        for f, w in zip(found, layer.wanted(), strict=True):
            np.testing.assert_allclose(f, w, rtol=1e-5, atol=1e-6)


class IntegerLayer:
    """A com.microsoft.DynamicQuantizeLSTM with everything random, and its weights in floats."""

    def __init__(self, model, direction, dtype, *, columns):
        rng = np.random.default_rng(5)
        self.direction, count, rows = direction, DIRECTIONS[direction], 4 * CELLS
        self.x = rng.normal(0, 1, (STEPS, BATCH, FEATURES)).astype(F)
        ends = np.iinfo(dtype)
        each = (count, rows) if columns else (count,)
        self.integers = [rng.integers(ends.min, ends.max, (count, n, rows), dtype) for n in (FEATURES, CELLS)]
        self.scales = [rng.uniform(0.002, 0.005, each).astype(F) for _ in range(2)]
        self.zeros = [rng.integers(-3, 3, each).astype(dtype) if ends.min else np.full(each, 120, dtype)] * 2
        self.b = rng.normal(0, 0.5, (count, 2 * rows)).astype(F)
        self.m = m = model(14)
        names = [m.input("x", self.x.shape), *map(m.constant, (*self.integers, self.b)), "", "", "", ""]
        for scale, zero in zip(self.scales, self.zeros, strict=True):
            names += [m.constant(scale), m.constant(zero)]
        y = m.node(
            "DynamicQuantizeLSTM",
            *names,
            outputs=3,
            hidden_size=CELLS,
            direction=direction,
            domain="com.microsoft",
        )
        for i in range(3):
            m.output(y[:-1] + str(i))

    def wanted(self):
        """What an LSTM makes of quantized inputs and the weights that the integers mean, in f64."""
        low, high = min(self.x.min(), 0), max(self.x.max(), 0)
        scale = (F(high) - F(low)) / F(255)
        zero = np.rint(-low / scale)
        x = (np.clip(np.rint(self.x / scale) + zero, 0, 255) - zero) * float(scale)
        every, last, cells = [], [], []
        for d in range(len(self.b)):
            order = slice(None, None, -1) if self.direction == "reverse" or d == 1 else slice(None)
            parts = zip(self.integers, self.zeros, self.scales, strict=True)
            w, r = (((q[d].astype(float) - z[d]) * s[d].astype(float)).T for q, z, s in parts)
            first = np.zeros((2, BATCH, CELLS))
            states, c = run_lstm(x[order], w, r, self.b[d].reshape(2, -1), *first, np.zeros(3 * CELLS))
            every.append(states[order])
            last.append(states[-1])
            cells.append(c)
        return [np.stack(every, axis=1), np.stack(last), np.stack(cells)]


@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_layer_of_integers_quantizes_its_inputs_as_they_come(
    model, compiled, engine_outputs, direction, dtype, columns
):
    layer = IntegerLayer(model, direction, dtype, columns=columns)
    result = compiled(layer.m)
    assert [o.op for o in result.summary.ops].count("dense_dynamic") == DIRECTIONS[direction]
    for found in engine_outputs(result.plan, [layer.x]):
        for f, w in zip(found, layer.wanted(), strict=True):
            np.testing.assert_allclose(f, w, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (1, np.zeros((3, 24), np.int8), "weights of int8"),
        (8, np.ones((1, 7), F), "scales of shape"),
        (9, np.zeros(1, np.uint8), "zero points of uint8"),
    ],
)
def test_integers_that_do_not_fit_are_malformed(model, compiled, place, value, message):
    layer = IntegerLayer(model, "forward", np.int8, columns=False)
    layer.m.nodes[0].input[place] = layer.m.constant(value)
    with pytest.raises(ModelError, match=message):
        compiled(layer.m)
