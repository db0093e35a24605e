"""Ops on integers in the form QOperator: each computes what its floats between scales do, on i8."""

import numpy as np
import pytest

U8, I8 = np.uint8, np.int8
X, W, Y = (0.05, 120), (0.01, 0), (0.11, 131)


def scaled(m, scale, zero, dtype=U8):
    """A scale and a zero point, or several."""
    return m.constant(np.asarray(scale, np.float32)), m.constant(np.asarray(zero, dtype))


def integers(m, *shape, dtype=I8):
    return m.constant(m.rng.integers(-127 if dtype == I8 else 0, 127, shape).astype(dtype))


@pytest.mark.parametrize("channels", [False, True])
@pytest.mark.parametrize("biased", [False, True])
def test_a_convolution_is_one_op_on_integers(model, check, channels, biased):
    m = model()
    w = scaled(m, np.linspace(0.004, 0.02, 5) if channels else 0.01, np.zeros(5) if channels else 0, I8)
    bias = (m.constant(m.rng.integers(-2000, 2000, 5).astype(np.int32)),) if biased else ()
    x = m.input("x", (1, 3, 7, 7), "u8")
    y = m.node("QLinearConv", x, *scaled(m, *X), integers(m, 5, 3, 3, 3), *w, *scaled(m, *Y), *bias, pads=[1, 1, 1, 1])
    m.output(y, "u8")
    assert [op for op in check(m, steps=1, exact=0.95).ops if "conv" in op or "f32" in op] == ["conv2d_i8"]


@pytest.mark.parametrize("constant", [False, True])
def test_a_product_of_integers_matches_onnx(model, check, constant):
    m = model()
    b = integers(m, 8, 4, dtype=U8) if constant else m.input("b", (8, 4), "u8")
    y = m.node("QLinearMatMul", m.input("a", (3, 8), "u8"), *scaled(m, *X), b, *scaled(m, 0.01, 100), *scaled(m, *Y))
    m.output(y, "u8")
    ops = check(m, steps=1, exact=0.95).ops
    assert ("dense_i8" in ops) == constant


def test_a_product_with_a_scale_for_each_column_matches_onnx(model, check):
    m = model()
    w = scaled(m, np.linspace(0.004, 0.02, 4), np.zeros(4), I8)
    y = m.node("QLinearMatMul", m.input("a", (3, 8), "u8"), *scaled(m, *X), integers(m, 8, 4), *w, *scaled(m, *Y))
    m.output(y, "u8")
    assert "dense_i8" in check(m, steps=1, exact=0.95).ops


def real(q, scale, zero):
    return (q.astype(np.int64) - zero) * np.float64(np.float32(scale))


def quantized(v, scale, zero):
    return np.clip(np.rint(v / np.float64(np.float32(scale))) + zero, 0, 255)


def hold(m, compiled, engine_outputs, wanted, *inputs):
    """The model, of com.microsoft's ops, gives `wanted` within one step, and has no op in floats."""
    result = compiled(m)
    for (found,) in engine_outputs(result.plan, inputs):
        assert np.abs(found.astype(int) - wanted).max() <= 1
        assert (found == wanted).mean() > 0.9
    return [op.op for op in result.summary.ops]


def random(m, *shape):
    return m.rng.integers(0, 256, shape).astype(U8)


def test_a_sum_of_integers_is_one_op(model, compiled, engine_outputs):
    m = model()
    a, b = random(m, 2, 9), random(m, 2, 9)
    names = (
        m.input("a", (2, 9), "u8"),
        *scaled(m, *X),
        m.input("b", (2, 9), "u8"),
        *scaled(m, 0.02, 7),
        *scaled(m, *Y),
    )
    m.output(m.node("QLinearAdd", *names, domain="com.microsoft"), "u8")
    wanted = quantized(real(a, *X) + real(b, 0.02, 7), *Y)
    assert "add_linear_i8" in hold(m, compiled, engine_outputs, wanted, a, b)


@pytest.mark.parametrize("scaled_result", [True, False])
def test_a_gemm_of_integers(model, compiled, engine_outputs, scaled_result):
    m = model()
    x, w, c = (
        random(m, 3, 8),
        m.rng.integers(-127, 128, (4, 8)).astype(I8),
        m.rng.integers(-500, 500, 4).astype(np.int32),
    )
    names = [m.input("a", (3, 8), "u8"), *scaled(m, *X), m.constant(w), *scaled(m, *W, I8), m.constant(c)]
    if scaled_result:
        names += scaled(m, *Y)
    m.output(m.node("QGemm", *names, transB=1, domain="com.microsoft"), "u8" if scaled_result else "f32")
    total = real(x, *X) @ real(w, *W).T + c * np.float64(np.float32(X[0]) * np.float32(W[0]))
    if scaled_result:
        assert "dense_i8" in hold(m, compiled, engine_outputs, quantized(total, *Y), x)
        return
    for (found,) in engine_outputs(compiled(m).plan, [x]):
        np.testing.assert_allclose(found, total, atol=1e-4)


def test_parts_of_several_scales_are_joined(model, compiled, engine_outputs):
    m = model()
    a, b = random(m, 2, 3), random(m, 2, 4)
    names = [
        *scaled(m, *Y),
        m.input("a", (2, 3), "u8"),
        *scaled(m, *X),
        m.input("b", (2, 4), "u8"),
        *scaled(m, 0.02, 7),
    ]
    m.output(m.node("QLinearConcat", *names, axis=1, domain="com.microsoft"), "u8")
    wanted = quantized(np.concatenate([real(a, *X), real(b, 0.02, 7)], 1), *Y)
    assert "concat" in hold(m, compiled, engine_outputs, wanted, a, b)


def test_pools_average_integers(model, compiled, engine_outputs):
    m = model()
    x = random(m, 1, 3, 4, 4)
    names = [m.input("x", (1, 3, 4, 4), "u8"), *scaled(m, *X), *scaled(m, *Y)]
    pooled = m.node("QLinearAveragePool", *names, kernel_shape=[2, 2], strides=[2, 2], domain="com.microsoft")
    again = scaled(m, *Y)
    m.output(m.node("QLinearGlobalAveragePool", pooled, *again, *again, domain="com.microsoft"), "u8")
    first = quantized(real(x, *X).reshape(1, 3, 2, 2, 2, 2).mean((3, 5)), *Y)
    wanted = quantized(real(first, *Y).mean((2, 3), keepdims=True), *Y)
    assert "average_pool_i8" in hold(m, compiled, engine_outputs, wanted, x)


def test_a_softmax_of_integers(model, compiled, engine_outputs):
    m = model()
    x = random(m, 2, 9)
    names = [m.input("x", (2, 9), "u8"), *scaled(m, *X), *scaled(m, 1 / 256, 0)]
    m.output(m.node("QLinearSoftmax", *names, axis=-1, opset=13, domain="com.microsoft"), "u8")
    e = np.exp(real(x, *X))
    hold(m, compiled, engine_outputs, quantized(e / e.sum(1, keepdims=True), 1 / 256, 0), x)
