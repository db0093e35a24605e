"""Layers with the activation behind them, as ONNX Runtime's optimizer writes them."""

import numpy as np
import pytest

from edgefn.errors import UnsupportedError

F = np.float32
MS = {"domain": "com.microsoft"}
ACTIVATIONS = {
    "Relu": ((), lambda v: np.maximum(v, 0)),
    "Clip": ((-0.25, 0.5), lambda v: np.clip(v, -0.25, 0.5)),
    "LeakyRelu": ((0.2,), lambda v: np.where(v < 0, 0.2 * v, v)),
    "HardSigmoid": ((0.3, 0.4), lambda v: np.clip(0.3 * v + 0.4, 0, 1)),
    "Sigmoid": ((), lambda v: 1 / (1 + np.exp(-v))),
    "Tanh": ((), np.tanh),
}


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_convolution_adds_and_ends_in_its_activation(model, hold, activation):
    m = model()
    parameters, function = ACTIVATIONS[activation]
    x, z, w, bias = (m.normal(*s) for s in ((1, 3, 4, 4), (1, 5, 4, 4), (5, 3, 1, 1), (5,)))
    names = [m.input("x", x.shape), m.constant(w), m.constant(bias), m.input("z", z.shape)]
    fields = {"activation_params": parameters} if parameters else {}
    m.output(m.node("FusedConv", *names, activation=activation, **fields, **MS))
    total = np.einsum("ncyx,mc->nmyx", x, w[:, :, 0, 0]) + bias[:, None, None] + z
    hold(m, [x, z], function(total.astype(np.float64)))


@pytest.mark.parametrize("activation", ["", "LeakyRelu", "Relu"])
def test_a_gemm_ends_in_its_activation(model, hold, activation):
    m = model()
    x, w, c = (m.normal(*s) for s in ((3, 8), (8, 4), (4,)))
    fields = {"activation": activation, "activation_alpha": 0.2} if activation else {}
    m.output(m.node("FusedGemm", m.input("x", x.shape), m.constant(w), m.constant(c), alpha=0.5, **fields, **MS))
    function = ACTIVATIONS[activation][1] if activation else lambda v: v
    ops = hold(m, [x], function(0.5 * x @ w + c))
    assert ops == (["dense_f32", "unary_f32"] if activation == "LeakyRelu" else ["dense_f32"])


def test_an_unknown_activation_is_refused(model, compiled):
    m = model()
    m.output(m.node("FusedGemm", m.input("x", (3, 8)), m.random(8, 4), activation="Softplus", **MS))
    with pytest.raises(UnsupportedError, match="activation 'Softplus'"):
        compiled(m)
