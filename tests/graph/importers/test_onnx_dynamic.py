"""Dynamic quantization as ONNX defines it and as ONNX Runtime's quantizer writes it."""

import numpy as np
import pytest

from edgefn.errors import ModelError, UnsupportedError

F = np.float32
SHAPE = (2, 3, 20)


def weights(m, dtype=np.int8, columns=7, k=20, *, low=None):
    """Random integer weights `[K, N]`."""
    ends = np.iinfo(dtype)
    return m.rng.integers(ends.min if low is None else low, ends.max, (k, columns), dtype, endpoint=True)


def quantized(x):
    """DynamicQuantizeLinear: u8, scale, zero point."""
    least, most = F(min(0, x.min())), F(max(0, x.max()))
    scale = F(most - least) / F(255)
    zero = np.rint(np.clip(-least / scale, 0, 255))
    return np.clip(np.rint(x / scale) + zero, 0, 255).astype(int), scale, int(zero)


def test_a_dynamically_quantized_tensor_matches_onnx(model, check):
    m = model()
    parts = m.nodes
    x = m.input("x", SHAPE)
    m.node("DynamicQuantizeLinear", x, outputs=3)
    y, scale, zero = parts[-1].output
    m.output(y, "u8")
    m.output(scale)
    m.output(zero, "u8")
    check(m)


@pytest.mark.parametrize("dtype", ["u8", "i8"])
@pytest.mark.parametrize("w_dtype", [np.int8, np.uint8])
@pytest.mark.parametrize("points", ["none", "one", "columns"])
def test_a_product_of_integers_matches_onnx(model, check, dtype, w_dtype, points):
    m = model()
    value = weights(m, w_dtype)
    zeros = m.rng.integers(100, 120, 7).astype(w_dtype)
    inputs = [m.input("a", SHAPE, dtype), m.constant(value)]
    if points != "none":
        left = np.array(9, np.uint8 if dtype == "u8" else np.int8)
        inputs += [m.constant(left), m.constant(zeros if points == "columns" else zeros[0])]
    m.output(m.node("MatMulInteger", *inputs), "i32")
    assert "dense_i8_i32" in check(m).ops


def test_a_zero_point_may_be_computed(model, check):
    m = model()
    x = m.input("x", SHAPE)
    m.node("DynamicQuantizeLinear", x, outputs=3)
    y, _, zero = m.nodes[-1].output
    m.output(m.node("MatMulInteger", y, m.constant(weights(m)), zero), "i32")
    check(m)


@pytest.mark.parametrize("scales", ["one", "columns"])
def test_a_product_in_floats_is_one_dense_layer(model, compiled, engine_outputs, scales):
    m = model()
    value, bias = weights(m), m.normal(7)
    by = (m.rng.random(7 if scales == "columns" else 1) * 0.01).astype(F)
    m.node("DynamicQuantizeLinear", m.input("x", SHAPE), outputs=3)
    y, scale, zero = m.nodes[-1].output
    inputs = [y, m.constant(value), scale, m.constant(by), zero, m.constant(np.zeros(7, np.int8)), m.constant(bias)]
    m.output(m.node("Relu", m.node("MatMulIntegerToFloat", *inputs, domain="com.microsoft")))
    _hold(m, compiled, engine_outputs, value, by, bias)


@pytest.mark.parametrize("low", [None, -64])
def test_a_matmul_that_quantizes_is_one_dense_layer(model, compiled, engine_outputs, low):
    m = model()
    value, bias = weights(m, low=low) // (1 if low is None else 2), m.normal(7)
    by = np.array([0.003], F)
    inputs = [m.input("x", SHAPE), m.constant(value), m.constant(by), "", m.constant(bias)]
    m.output(m.node("Relu", m.node("DynamicQuantizeMatMul", *inputs, domain="com.microsoft")))
    plan = _hold(m, compiled, engine_outputs, value, by, bias)
    assert plan.ops[-1]["narrow"] == (low == -64)


def _hold(m, compiled, engine_outputs, value, by, bias):
    """The plan of the model has three ops, and computes the product bit for bit."""
    result = compiled(m)
    assert [op.op for op in result.summary.ops] == ["dynamic_range_f32", "dynamic_quantize_f32_i8", "dense_dynamic"]
    x = np.random.default_rng(4).standard_normal(SHAPE).astype(F)
    integers, scale, zero = quantized(x)
    total = (integers - zero) @ value.astype(int)
    wanted = np.maximum(total.astype(F) * (scale * by) + bias, 0)
    for (found,) in engine_outputs(result.plan, [x]):
        np.testing.assert_array_equal(found, wanted)
    from edgefn.graph.plan import read_plan

    return read_plan(result.plan)


def test_weights_of_seven_bits_and_a_few_larger_ones_are_packed_narrow(model, check):
    m = model()
    value = m.rng.integers(-63, 64, (64, 32), np.int8)
    value[5, 3], value[9, 3], value[0, 0], value[1, 0] = 64, -64, 127, -128
    m.output(m.node("MatMulInteger", m.input("a", (5, 64), "i8"), m.constant(value)), "i32")
    op = check(m).plan.ops[-1]
    assert op["narrow"] == 1


@pytest.mark.parametrize(
    ("b", "zero", "said"),
    [
        (np.ones((2, 20, 7), np.int8), np.int8(0), "matrices of i8 or u8"),
        (np.ones((20, 7), np.int8), np.zeros(3, np.int8), "zero points of int8"),
        (np.ones((20, 7), np.int8), np.uint8(0), "zero points of uint8"),
        (np.ones((19, 7), np.int8), np.int8(0), "weights of 19 rows"),
    ],
)
def test_weights_that_do_not_fit_are_refused(model, compiled, b, zero, said):
    m = model()
    inputs = [m.input("a", SHAPE, "i8"), m.constant(b), "", m.constant(zero)]
    m.output(m.node("MatMulInteger", *inputs), "i32")
    with pytest.raises((ModelError, UnsupportedError), match=said):
        compiled(m)


def test_a_zero_point_for_each_row_is_refused(model, compiled):
    m = model()
    inputs = [m.input("a", (3, 20), "i8"), m.constant(weights(m)), m.constant(np.zeros(3, np.int8))]
    m.output(m.node("MatMulInteger", *inputs), "i32")
    with pytest.raises(UnsupportedError, match="one is supported"):
        compiled(m)


@pytest.mark.parametrize("w_dtype", [np.int8, np.uint8])
def test_a_convolution_of_integers_is_exact(model, compiled, engine_outputs, w_dtype):
    m = model()
    x = m.rng.integers(0, 256, (1, 3, 6, 6)).astype(np.uint8)
    w = m.rng.integers(*((-128, 128) if w_dtype == np.int8 else (0, 256)), (4, 3, 3, 3)).astype(w_dtype)
    points = np.arange(4).astype(w_dtype)
    names = [m.input("x", x.shape, "u8"), m.constant(w), m.constant(np.uint8(117)), m.constant(points)]
    m.output(m.node("ConvInteger", *names, pads=[1, 1, 1, 1]), "i32")
    padded = np.pad(x.astype(int) - 117, [(0, 0), (0, 0), (1, 1), (1, 1)])
    seen = np.lib.stride_tricks.sliding_window_view(padded[0], (3, 3), (1, 2))
    wanted = np.einsum("cyxij,mcij->myx", seen, w.astype(int) - points.astype(int)[:, None, None, None])
    for (found,) in engine_outputs(compiled(m).plan, [x]):
        np.testing.assert_array_equal(found[0], wanted)


def test_a_convolution_whose_sums_need_more_than_24_bits_is_refused(model, compiled):
    m = model()
    w = np.full((1, 64, 5, 5), 127, np.int8)
    m.output(m.node("ConvInteger", m.input("x", (1, 64, 6, 6), "u8"), m.constant(w)), "i32")
    with pytest.raises(UnsupportedError, match="sums of up to"):
        compiled(m)
