"""Each pass fires, and what it leaves computes the same."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgefn.graph.ir import Bounds


def test_batch_normalization_goes_into_the_convolution(model, check):
    m = model()
    y = m.node("Conv", m.input("x", (1, 3, 6, 6)), m.random(4, 3, 3, 3))
    m.output(m.node("Relu", _batch_norm(m, y, 4)))
    assert check(m).ops == ["transpose", "conv2d_f32", "transpose"]


def test_batch_normalization_goes_into_a_depthwise_convolution_with_bias(model, check):
    m = model()
    y = m.node("Conv", m.input("x", (1, 4, 6, 6)), m.random(4, 1, 3, 3), m.random(4), group=4)
    m.output(_batch_norm(m, y, 4))
    assert check(m).ops == ["transpose", "depthwise_f32", "transpose"]


@pytest.mark.parametrize("shape", [(2, 5), (1, 5, 4, 4), (1, 5, 7)])
def test_batch_normalization_alone_becomes_a_depthwise_convolution(model, check, shape):
    m = model()
    m.output(_batch_norm(m, m.input("x", shape), 5))
    assert "depthwise_f32" in check(m).ops


def test_batch_normalization_after_gemm_goes_into_it(model, check):
    m = model()
    m.output(_batch_norm(m, m.node("Gemm", m.input("x", (2, 6)), m.random(6, 4), m.random(4)), 4))
    assert check(m).ops == ["dense_f32"]


def _batch_norm(m, x, channels):
    variance = m.constant(m.rng.uniform(0.5, 2, channels).astype(np.float32))
    return m.node("BatchNormalization", x, m.random(channels), m.random(channels), m.random(channels), variance)


def test_activations_become_bounds(model, check):
    m = model()
    y = m.node("Relu", m.node("Conv", m.input("x", (1, 3, 6, 6)), m.random(4, 3, 3, 3)))
    clipped = m.node("Clip", y, m.constant(np.float32(-1)), m.constant(np.float32(0.4)))
    m.output(m.node("MaxPool", clipped, kernel_shape=[2, 2]))
    result = check(m)
    assert result.ops == ["transpose", "conv2d_f32", "max_pool_f32", "transpose"]
    convolution = result.plan.ops[1]
    assert (convolution["low"], convolution["high"]) == (0.0, np.float32(0.4))


def test_an_activation_after_a_pool_goes_up_to_the_convolution(model, check):
    m = model()
    y = m.node("Conv", m.input("x", (1, 3, 6, 6)), m.random(4, 3, 3, 3))
    m.output(m.node("Relu", m.node("Flatten", m.node("MaxPool", y, kernel_shape=[2, 2]))))
    assert check(m).ops == ["transpose", "conv2d_f32", "max_pool_f32", "transpose"]


def test_a_value_that_is_read_before_its_activation_keeps_it_apart(model, check):
    m = model()
    y = m.node("Conv", m.input("x", (1, 3, 6, 6)), m.random(3, 3, 1, 1))
    m.output(m.node("Add", y, m.node("Relu", y)))
    assert "clamp_f32" in check(m).ops


def test_transposes_cancel_through_a_residual_network(model, check):
    m = model()
    x = m.node("Relu", m.node("Conv", m.input("x", (1, 3, 8, 8)), m.random(4, 3, 3, 3), pads=[1, 1, 1, 1]))
    y = m.node("Conv", x, m.random(4, 4, 3, 3), pads=[1, 1, 1, 1])
    z = m.node("Relu", m.node("Add", m.node("Add", x, y), m.random(4, 1, 1)))
    joined = m.node("Concat", z, x, axis=1)
    soft = m.node("Softmax", joined, axis=1)
    m.output(m.node("Flatten", m.node("GlobalAveragePool", soft)))
    assert check(m).ops.count("transpose") == 1


def test_a_channels_last_model_keeps_no_transpose(model, check):
    m = model()
    x = m.node("Transpose", m.input("x", (1, 8, 8, 3)), perm=[0, 3, 1, 2])
    y = m.node("Conv", x, m.random(4, 3, 3, 3))
    m.output(m.node("Transpose", y, perm=[0, 2, 3, 1]))
    result = check(m)
    assert result.ops == ["conv2d_f32"]
    assert result.plan.meta["inputs"] == [{"name": "x", "layout": "NHWC"}]


def test_a_dense_layer_after_flattening_reads_channels_last(model, check):
    m = model()
    y = m.node("Relu", m.node("Conv", m.input("x", (1, 3, 6, 6)), m.random(4, 3, 3, 3)))
    m.output(m.node("Gemm", m.node("Flatten", y), m.random(64, 5), m.random(5)))
    assert check(m).ops == ["transpose", "conv2d_f32", "dense_f32"]


def test_a_transpose_that_moves_only_ones_is_free(model, check):
    m = model()
    m.output(m.node("Relu", m.node("Transpose", m.input("x", (1, 5, 1, 3)), perm=[1, 2, 0, 3])))
    assert check(m).ops == ["clamp_f32"]


def test_equal_work_is_done_once(model, check):
    m = model()
    x = m.input("x", (1, 5))
    m.output(m.node("Add", m.node("Softmax", x), m.node("Softmax", x)))
    assert check(m).ops == ["softmax_f32", "add_f32"]


def test_work_that_no_output_needs_is_dropped(model, check):
    m = model()
    x = m.input("x", (1, 5))
    m.node("Softmax", x)
    m.output(m.node("Relu", x))
    assert check(m).ops == ["clamp_f32"]


def test_constants_are_computed_at_compile_time(model, check):
    m = model()
    c = m.node("Relu", m.node("Transpose", m.node("Mul", m.random(5, 2), m.constant(np.float32(2)))))
    m.output(m.node("Add", m.input("x", (2, 5)), c))
    assert check(m).ops == ["add_f32"]


bounds = st.tuples(st.floats(-9, 9), st.floats(-9, 9)).map(lambda b: Bounds(*b))


@given(bounds, bounds, st.floats(-20, 20))
@settings(max_examples=200, deadline=None)
def test_two_clamps_in_a_row_are_one(first, second, x):
    def clamp(v, b):
        return min(max(v, b.low), b.high)

    assert clamp(x, second.within(first)) == clamp(clamp(x, first), second)
