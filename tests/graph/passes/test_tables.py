"""Functions between a dequantize and a quantize become one table."""

import numpy as np
import pytest

X = (0.05, 120)
FUNCTIONS = ["Sigmoid", "Tanh", "LeakyRelu", "HardSigmoid", "Elu", "Erf", "Softplus", "Abs"]


@pytest.fixture
def m(model):
    m = model()
    m.input("x", (1, 6, 50))
    return m


def every_byte(m):
    """An input that takes every integer of X, quantized and dequantized."""
    return m.qdq("x", *X)


def inputs():
    scale, zero = X
    return [((np.arange(300) % 256 - zero) * np.float32(scale)).astype(np.float32).reshape(1, 6, 50)]


def looked_up(check, m, steps=0):
    """The model is one table, and gives what ONNX does."""
    found = check(m, inputs=inputs(), steps=steps, atol=1e-6)
    assert found.ops == ["quantize_f32_i8", "lookup_i8", "dequantize_i8_f32"]


@pytest.mark.parametrize("op", FUNCTIONS)
def test_a_function_of_integers_is_a_table(m, check, op):
    m.output(m.qdq(m.node(op, every_byte(m)), 0.0213, 60))  # where no result lies between two steps
    looked_up(check, m)


def test_a_swish_that_is_quantized_in_between_is_one_table(m, check):
    x = every_byte(m)
    m.output(m.qdq(m.node("Mul", x, m.qdq(m.node("Sigmoid", x), 1 / 256, 0)), 0.03, 10))
    looked_up(check, m)


def test_a_gelu_that_was_taken_apart_and_quantized_is_one_table(m, check):
    x = every_byte(m)
    root, one, half = (m.constant(np.float32(v)) for v in (2**0.5, 1, 0.5))
    erf = m.qdq(m.node("Erf", m.qdq(m.node("Div", x, root), 0.04, 120)), 2 / 255, 128)
    more = m.qdq(m.node("Add", erf, m.qdq(one, 1 / 255, 0)), 2 / 255, 0)
    m.output(m.qdq(m.node("Mul", m.qdq(m.node("Mul", x, more), 0.06, 7), half), 0.03, 7))
    looked_up(check, m)


def test_functions_of_two_tensors_stay_what_they_are(m, check):
    m.input("z", (1, 6, 50))
    m.output(m.qdq(m.node("Mul", every_byte(m), m.node("Sigmoid", m.qdq("z", *X))), 0.03, 10))
    ops = check(m, steps=1, atol=0.0301).ops
    assert "lookup_i8" not in ops
    assert "unary_f32" in ops


def test_functions_that_differ_from_channel_to_channel_stay_what_they_are(m, check):
    slopes = m.constant(np.linspace(0.1, 0.4, 6, dtype=np.float32).reshape(6, 1))
    m.output(m.qdq(m.node("PRelu", every_byte(m), slopes), 0.03, 10))
    assert "lookup_i8" not in check(m, steps=1, atol=0.0301).ops


def test_what_is_not_quantized_again_stays_in_floats(m, check):
    m.output(m.node("Sigmoid", every_byte(m)))
    assert "lookup_i8" not in check(m, atol=1e-6).ops


def test_a_function_that_others_read_is_computed_for_them(m, check):
    y = m.node("Tanh", every_byte(m))
    m.output(y)
    m.output(m.qdq(y, 0.02, 60))
    assert {"unary_f32", "lookup_i8"} <= set(check(m, inputs=inputs(), atol=1e-6).ops)


def test_nan_becomes_what_stands_for_zero(m, compiled, engine_outputs):
    m.output(m.qdq(m.node("Sqrt", every_byte(m)), 0.02, 60))
    for (found,) in engine_outputs(compiled(m).plan, inputs()):
        assert np.all(found.reshape(-1)[: X[1]] == 0)


def test_a_chain_that_is_too_long_is_left_in_parts(m, check):
    y = every_byte(m)
    for _ in range(40):
        y = m.node("Mul", y, m.constant(np.float32(0.97)))
    m.output(m.qdq(y, 0.02, 60))
    assert "lookup_i8" not in check(m, inputs=inputs(), steps=1, atol=0.021).ops
