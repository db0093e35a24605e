import numpy as np
import pytest

from edgefn.errors import UnsupportedError
from edgefn.graph.ir import Quantization
from edgefn.graph.passes.quantized import symmetric

ROOM = 2**31 - 255 * 127 * 8  # for a bias beside eight products
I8 = {"conv2d_i8", "depthwise_i8"}


@pytest.mark.parametrize("dtype", ["u8", "i8"])
@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize("relu", [False, True])
def test_a_quantized_convolution_becomes_one_op_on_i8(model, check, dtype, depthwise, relu):
    m = model()
    x = m.qdq(m.input("x", (1, 6, 9, 9)), 0.02, 120 if dtype == "u8" else -8, dtype)
    w = m.weights((6, 1, 3, 3) if depthwise else (5, 6, 3, 3))
    y = m.node("Conv", x, w, m.random(6 if depthwise else 5), group=6 if depthwise else 1, pads=[1, 1, 1, 1])
    y = m.node("Relu", y) if relu else y
    m.output(m.qdq(y, 0.03, 30 if dtype == "u8" else -98, dtype))
    result = check(m, atol=0.0301)
    convolution = "depthwise_i8" if depthwise else "conv2d_i8"
    assert result.ops == ["quantize_f32_i8", "transpose", convolution, "transpose", "dequantize_i8_f32"]


def test_a_model_with_quantized_ports_has_no_floats_inside(model, check):
    m = model()
    q = (m.constant(np.float32(0.02)), m.constant(np.uint8(120)))
    x = m.node("DequantizeLinear", m.input("x", (1, 7), "u8"), *q)
    y = m.node("Gemm", x, m.weights((4, 7)), m.random(4), transB=1)
    r = (m.constant(np.float32(0.05)), m.constant(np.uint8(90)))
    m.output(m.node("QuantizeLinear", y, *r), "u8")
    result = check(m, steps=1, exact=0.9)
    assert result.ops == ["flip_sign", "dense_i8", "flip_sign"]
    port = result.plan.tensors[result.plan.inputs[0]]
    assert (port.dtype, round(port.scale, 6), port.zero_point) == ("u8", 0.02, 120)


@pytest.mark.parametrize("axis", [None, 0])
def test_weights_that_the_model_quantizes_itself_are_constants_too(model, check, axis):
    m = model()
    x = m.qdq(m.input("x", (1, 8)), 0.02, 0, "i8")
    scale = np.float32(0.01) if axis is None else np.linspace(0.01, 0.02, 4).astype(np.float32)
    q = (m.constant(scale), m.constant(np.zeros(scale.shape, np.int8)))
    kind = {} if axis is None else {"axis": axis}
    w = m.node("DequantizeLinear", m.node("QuantizeLinear", m.random(4, 8), *q, **kind), *q, **kind)
    m.output(m.qdq(m.node("Gemm", x, w, transB=1), 0.05, 3, "i8"))
    assert check(m, atol=0.0501).ops == ["quantize_f32_i8", "dense_i8", "dequantize_i8_f32"]


@pytest.mark.parametrize(("steps", "op"), [(ROOM - 1000, "dense_i8"), (ROOM + 1000, "dense_f32")])
def test_a_layer_whose_sums_could_leave_32_bits_stays_in_floats(model, compiled, steps, op):
    m = model()
    x = m.qdq(m.input("x", (1, 8)), 0.02, 0, "i8")
    q = (m.constant(np.float32(0.005)), m.constant(np.int8(0)))
    w = m.node("DequantizeLinear", m.constant(np.full((4, 8), 127, np.int8)), *q)
    bias = m.constant(np.full(4, steps, np.int32))
    b = m.node("DequantizeLinear", bias, m.constant(np.float32(0.02 * 0.005)), m.constant(np.int32(0)))
    m.output(m.qdq(m.node("Gemm", x, w, b, transB=1), 0.05, 3, "i8"))
    assert op in {o.op for o in compiled(m).summary.ops}


def test_a_bias_of_i32_is_taken_exactly(model, check):
    m = model()
    x = m.qdq(m.input("x", (1, 8)), 0.02, 0, "i8")
    w = m.weights((4, 8), axis=None)
    bias = m.constant(np.array([100, -200, 0, 7], np.int32))
    b = m.node("DequantizeLinear", bias, m.constant(np.float32(0.02 * 0.005)), m.constant(np.int32(0)))
    m.output(m.qdq(m.node("Gemm", x, w, b, transB=1), 0.05, 3, "i8"))
    assert "dense_i8" in check(m, atol=0.0501).ops


def test_matmul_and_a_bias_added_afterwards_fuse(model, check):
    m = model()
    x = m.qdq(m.input("x", (1, 8)), 0.02, 0, "i8")
    y = m.node("Add", m.node("MatMul", x, m.weights((8, 4), axis=1)), m.random(4))
    m.output(m.qdq(y, 0.05, 3, "i8"))
    assert check(m, atol=0.0501).ops == ["quantize_f32_i8", "dense_i8", "dequantize_i8_f32"]


@pytest.mark.parametrize("constant", [False, True])
def test_a_quantized_add_fuses(model, check, constant):
    m = model()
    a = m.qdq(m.input("a", (1, 4, 5, 5)), 0.02, 100)
    if constant:
        b = m.weights((4, 1, 1), axis=None, dtype="u8", zero=90)
    else:
        b = m.qdq(m.input("b", (1, 4, 5, 5)), 0.03, 90)
    m.output(m.qdq(m.node("Relu", m.node("Add", a, b)), 0.04, 10))
    assert "add_i8" in check(m, atol=0.0401).ops


def test_a_quantized_vector_added_to_a_quantized_layer_is_no_bias(model, check):
    m = model()
    x = m.qdq(m.input("x", (1, 8)), 0.02, 0, "i8")
    y = m.qdq(m.node("MatMul", x, m.weights((8, 4), axis=1)), 0.05, 3, "i8")
    m.output(m.qdq(m.node("Add", y, m.weights((4,), axis=None)), 0.05, 3, "i8"))
    assert check(m, atol=0.0501).ops == ["quantize_f32_i8", "dense_i8", "add_i8", "dequantize_i8_f32"]


def test_quantized_pools_fuse(model, check):
    m = model()
    x = m.qdq(m.input("x", (1, 4, 8, 8)), 0.02, 100)
    y = m.qdq(m.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]), 0.02, 100)
    z = m.qdq(m.node("AveragePool", y, kernel_shape=[3, 3], pads=[1, 1, 1, 1]), 0.02, 100)
    m.output(m.qdq(m.node("Flatten", m.node("GlobalAveragePool", z)), 0.01, 128))
    ops = check(m, atol=0.0201).ops
    assert ops.count("average_pool_i8") == 2
    assert ops.count("max_pool_i8") == 1
    assert not [op for op in ops if op.endswith("pool_f32")]


@pytest.mark.parametrize("dtype", ["u8", "i8"])
@pytest.mark.parametrize("way", ["Transpose", "Concat", "Reshape"])
def test_integers_that_move_before_anything_names_their_scale_keep_it(model, check, dtype, way):
    m = model()
    x = m.input("x", (1, 6, 6, 4), dtype)
    attributes = {"Transpose": {"perm": [0, 3, 1, 2]}, "Concat": {"axis": 1}}
    inputs = {"Concat": (x, x), "Reshape": (x, m.constant(np.array([1, 4, 6, 6])))}
    y = m.node(way, *inputs.get(way, (x,)), **attributes.get(way, {}))
    q = (m.constant(np.float32(0.02)), m.constant((np.uint8 if dtype == "u8" else np.int8)(100)))
    y = m.node("Relu", m.node("DequantizeLinear", y, *q))
    m.output(m.qdq(m.node("Transpose", y, perm=[0, 2, 3, 1]), 0.03, 7))
    assert "clamp_i8" in check(m).ops


def test_unsigned_integers_are_pooled_as_they_are_kept(model, compiled):
    m = model()
    q = (m.constant(np.float32(0.02)), m.constant(np.uint8(100)))
    y = m.node("QuantizeLinear", m.input("x", (1, 8, 8, 4)), *q)
    y = m.node("MaxPool", m.node("Transpose", y, perm=[0, 3, 1, 2]), kernel_shape=[2, 2])
    y = m.node("Transpose", y, perm=[0, 2, 3, 1])
    m.output(m.node("DequantizeLinear", y, *q))
    ops = [o.op for o in compiled(m).summary.ops]
    assert ops == ["quantize_f32_i8", "max_pool_i8", "dequantize_i8_f32"]


def test_a_lone_relu_between_quantizations_is_a_clamp_on_i8(model, check):
    m = model()
    x = m.qdq(m.input("x", (1, 40)), 0.02, 100)
    m.output(m.qdq(m.node("Relu", x), 0.03, 20))
    assert check(m, atol=1e-5).ops == ["quantize_f32_i8", "requantize_i8", "clamp_i8", "dequantize_i8_f32"]


def test_a_relu_on_integers_read_with_another_scale_is_not_folded_into_their_maker(model, check):
    m = model()
    x = m.qdq(m.input("x", (1, 8)), 0.02, 0, "i8")
    y = m.node("Gemm", x, m.weights((4, 8)), transB=1)
    q = m.node("QuantizeLinear", y, m.constant(np.float32(0.03)), m.constant(np.int8(3)))
    other = (m.constant(np.float32(0.05)), m.constant(np.int8(-7)))
    relu = m.node("Relu", m.node("DequantizeLinear", q, *other))
    m.output(m.node("QuantizeLinear", relu, *other), "i8")
    assert check(m, steps=1).ops == ["quantize_f32_i8", "dense_i8", "clamp_i8"]


def test_parts_of_a_concat_are_brought_to_its_scale(model, check):
    m = model()
    a = m.qdq(m.input("a", (1, 3, 4, 4)), 0.02, 100)
    b = m.qdq(m.input("b", (1, 2, 4, 4)), 0.03, 90)
    m.output(m.qdq(m.node("Concat", a, b, axis=1), 0.03, 90))
    ops = check(m).ops
    assert ops.count("requantize_i8") == 1
    assert ops.count("concat") == 1
    assert ops.count("dequantize_i8_f32") == 1


def test_a_constant_part_of_a_quantized_concat_is_quantized_too(model, check):
    m = model()
    parts = m.random(2, 3), m.input("x", (2, 3))
    m.output(m.qdq(m.node("Concat", *parts, axis=0), 0.03, 90))
    assert check(m).ops.count("quantize_f32_i8") == 2


def test_a_quantize_travels_up_to_a_constant_and_computes_there(model, check):
    m = model()
    constant = m.node("Flatten", m.random(2, 3, 4))
    m.output(m.node("Add", m.qdq(constant, 0.03, 90), m.input("x", (2, 12))))
    check(m)


def test_a_softmax_stays_in_floats(model, check):
    m = model()
    x = m.qdq(m.input("x", (2, 10)), 0.02, 100)
    m.output(m.qdq(m.node("Softmax", x), 1 / 256, 0))
    ops = check(m, atol=1 / 255).ops
    assert ops == ["quantize_f32_i8", "dequantize_i8_f32", "softmax_f32", "quantize_f32_i8", "dequantize_i8_f32"]


def test_quantize_after_an_equal_dequantize_cancels(model, check):
    m = model()
    x = m.qdq(m.qdq(m.qdq(m.input("x", (1, 9)), 0.02, 100), 0.02, 100), 0.02, 100)
    m.output(x)
    assert check(m).ops == ["quantize_f32_i8", "dequantize_i8_f32"]


def test_quantize_after_another_dequantize_becomes_a_requantize(model, check):
    m = model()
    m.output(m.qdq(m.qdq(m.input("x", (1, 9)), 0.02, 100), 0.05, 3, "i8"))
    assert check(m).ops == ["quantize_f32_i8", "requantize_i8", "dequantize_i8_f32"]


def test_unsigned_weights_of_another_zero_point_are_exact_when_they_fit(model, check):
    m = model()
    x = m.qdq(m.input("x", (1, 8)), 0.02, 0, "i8")
    w = m.weights((4, 8), dtype="u8", low=1, zero=128)
    m.output(m.qdq(m.node("Gemm", x, w, transB=1), 0.05, 3, "i8"))
    assert "dense_i8" in check(m, atol=0.0501).ops


def test_weights_of_minus_128_are_never_packed(model, check):
    m = model()
    x = m.qdq(m.input("x", (1, 8, 2, 2)), 0.02, 0, "i8")
    w = m.node("DequantizeLinear", m.constant(np.full((4, 8, 1, 1), -128, np.int8)), m.constant(np.float32(0.01)))
    m.output(m.qdq(m.node("Conv", x, w), 0.2, 3, "i8"))
    result = check(m, atol=0.201)
    layer = next(op for op in result.plan.ops if op.code.name == "conv2d_i8")
    w = result.plan.tensors[layer["w"]]
    assert np.frombuffer(result.plan.weights, np.int8)[w.offset : w.offset + w.nbytes].min() == -127


@pytest.mark.parametrize(("far", "zero"), [(np.uint8(255), 40), (np.int8(-128), 0)])
def test_weights_of_a_dense_layer_that_lie_far_from_their_zero_point_stay_exact(model, check, far, zero):
    m = model()
    x = m.qdq(m.input("x", (3, 16)), 0.02, 10, "i8")
    value = m.rng.integers(0, 100, (4, 16)).astype(far.dtype)
    value[1, 2] = far
    q = (m.constant(np.float32(0.005)), m.constant(far.dtype.type(zero)))
    w = m.node("DequantizeLinear", m.constant(value), *q)
    y = m.node("Relu", m.node("Gemm", x, w, m.random(4), transB=1))
    m.output(m.node("QuantizeLinear", y, m.constant(np.float32(0.05)), m.constant(np.int8(-3))), "i8")
    assert check(m, steps=1, exact=0.9).ops == ["quantize_f32_i8", "dense_dynamic", "quantize_f32_i8"]


def test_a_lone_minus_128_is_clipped_and_many_are_spread():
    lone = np.array([[-128, *range(60, 70)], [1] * 11], np.int8)
    value, scale = symmetric(lone, Quantization.of(0.1, 0), 0)
    assert value.tolist() == [[-127, *range(60, 70)], [1] * 11]
    assert scale.tolist() == [np.float32(0.1)] * 2
    wide = np.array([[0, 100, 255]], np.uint8)
    value, scale = symmetric(wide, Quantization.of(0.1, 0), 0)
    np.testing.assert_allclose(value * scale, wide * 0.1, atol=scale[0] / 2 + 1e-6)


@pytest.mark.parametrize(("first", "second"), [(1e-3, 1e-44), (1e-8, 3e38)])
def test_a_scale_whose_quotients_leave_float32_is_refused_by_the_node_that_needs_them(model, compiled, first, second):
    m = model()
    m.output(m.qdq(m.qdq(m.input("x", (1, 8)), first, 0, "i8"), second, 0, "i8"))
    with pytest.raises(UnsupportedError, match="would multiply by") as error:
        compiled(m)
    assert error.value.code == "EFN-M012"


def test_an_op_with_unquantized_weights_stays_in_floats(model, check):
    m = model()
    x = m.qdq(m.input("x", (1, 8)), 0.02, 0, "i8")
    m.output(m.qdq(m.node("Gemm", x, m.random(8, 4)), 0.05, 3, "i8"))
    assert "dense_f32" in check(m, atol=0.0501).ops
