"""Normalizations of rows, as one op, as com.microsoft fuses them and as exporters take them apart."""

import numpy as np
import pytest

F = np.float32
SHAPE = (2, 3, 20)


def normalized(x, gamma=1, beta=0, epsilon=1e-5):
    wide = x.astype(np.float64)
    d = wide - wide.mean(-1, keepdims=True)
    return d / np.sqrt((d * d).mean(-1, keepdims=True) + epsilon) * gamma + beta


def by_root_mean_square(x, gamma=1, epsilon=1e-5):
    wide = x.astype(np.float64)
    return wide / np.sqrt((wide * wide).mean(-1, keepdims=True) + epsilon) * gamma


@pytest.mark.parametrize(("axis", "row"), [(-1, (20,)), (1, (3, 20)), (0, SHAPE)])
@pytest.mark.parametrize("biased", [True, False])
def test_a_layer_normalization_matches_onnx(model, check, axis, row, biased):
    m = model()
    inputs = [m.input("x", SHAPE), m.random(*row), *([m.random(*row)] if biased else [])]
    m.output(m.node("LayerNormalization", *inputs, axis=axis, epsilon=1e-3))
    assert check(m).ops == ["layer_norm_f32"]


def test_scale_and_bias_may_be_computed_and_broadcast(model, check):
    m = model()
    m.output(m.node("LayerNormalization", m.input("x", SHAPE), m.input("g", (20,)), m.random(1, 20)))
    assert check(m).ops == ["layer_norm_f32"]


def test_mean_and_deviation_are_computed_where_they_are_wanted(model, check):
    m = model()
    m.node("LayerNormalization", m.input("x", SHAPE), m.random(20), outputs=3)
    y, mean, deviation = m.nodes[-1].output
    m.output(deviation)
    m.output(mean)
    m.output(y)
    assert "layer_norm_f32" in check(m).ops


def run(m, compiled, engine_outputs, *inputs):
    result = compiled(m)
    return [op.op for op in result.summary.ops], engine_outputs(result.plan, inputs)


@pytest.mark.parametrize("simplified", [False, True])
def test_what_adds_first_gives_the_sum_too(model, compiled, engine_outputs, simplified):
    m = model()
    x, skip, gamma, beta, bias = (m.normal(*s) for s in (SHAPE, (3, 20), (20,), (20,), (20,)))
    names = [m.input("x", SHAPE), m.input("skip", (3, 20)), m.constant(gamma)]
    names += [m.constant(bias)] if simplified else [m.constant(beta), m.constant(bias)]
    op = "SkipSimplifiedLayerNormalization" if simplified else "SkipLayerNormalization"
    m.output(m.node(op, *names, outputs=4, domain="com.microsoft", epsilon=1e-5))
    y = m.nodes[-1].output
    y[1] = y[2] = ""
    m.output(y[3])
    total = x + skip + bias
    wanted = by_root_mean_square(total, gamma) if simplified else normalized(total, gamma, beta)
    for found, found_total in run(m, compiled, engine_outputs, x, skip)[1]:
        np.testing.assert_allclose(found, wanted, atol=2e-6)
        np.testing.assert_allclose(found_total, total, atol=1e-6)


def test_a_simplified_normalization_is_the_root_mean_square(model, compiled, engine_outputs):
    m = model()
    x = m.normal(*SHAPE)
    m.output(m.node("SimplifiedLayerNormalization", m.input("x", SHAPE), m.random(20), domain="com.microsoft"))
    gamma = np.frombuffer(m.constants[-1].raw_data, F)
    for (found,) in run(m, compiled, engine_outputs, x)[1]:
        np.testing.assert_allclose(found, by_root_mean_square(x, gamma), atol=2e-6)
