from pathlib import Path

import numpy as np
import pytest

from edgefn.errors import UnsupportedError
from edgefn.graph.assemble import assemble
from edgefn.graph.importers.onnx import import_onnx, supported_ops
from edgefn.graph.importers.onnx.activation import UNARIES
from edgefn.graph.importers.onnx.file import read_file
from edgefn.graph.importers.onnx.registry import HANDLERS
from edgefn.graph.importers.tflite.functions import UNARIES as TFLITE_UNARIES
from edgefn.graph.importers.tflite.registry import HANDLERS as TFLITE
from edgefn.graph.importers.tflite.scope import ACTIVATIONS
from edgefn.graph.lower import lower
from edgefn.graph.plan import read_plan
from edgefn.graph.reference import evaluate


@pytest.mark.parametrize(
    ("kernel", "attributes"),
    [
        ((1, 1), {}),
        ((3, 3), {"pads": [1, 1, 1, 1]}),
        ((3, 3), {"pads": [0, 1, 1, 0], "strides": [2, 1]}),
        ((3, 2), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
        ((3, 2), {"auto_pad": "SAME_LOWER", "strides": [2, 2]}),
        ((3, 3), {"auto_pad": "VALID", "dilations": [2, 2]}),
        ((5, 5), {"pads": [2, 2, 2, 2], "dilations": [1, 1]}),
    ],
)
@pytest.mark.parametrize("depthwise", [False, True])
def test_a_convolution_matches_onnx(model, check, kernel, attributes, depthwise):
    m = model()
    x = m.input("x", (1, 6, 9, 11))
    w = m.random(6, 1, *kernel) if depthwise else m.random(5, 6, *kernel)
    bias = m.random(6 if depthwise else 5)
    m.output(m.node("Conv", x, w, bias, group=6 if depthwise else 1, **attributes))
    result = check(m)
    assert ("depthwise_f32" if depthwise else "conv2d_f32") in result.ops


def test_a_convolution_without_bias_and_with_a_batch_of_two_matches_onnx(model, check):
    m = model()
    m.output(m.node("Conv", m.input("x", (2, 3, 7, 7)), m.random(4, 3, 3, 3)))
    check(m)


@pytest.mark.parametrize("op", ["AveragePool", "MaxPool"])
@pytest.mark.parametrize(
    "attributes",
    [
        {"kernel_shape": [2, 2], "strides": [2, 2]},
        {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]},
        {"kernel_shape": [3, 2], "strides": [1, 2], "auto_pad": "SAME_UPPER"},
        {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
    ],
)
def test_a_pool_matches_onnx(model, check, op, attributes):
    m = model()
    m.output(m.node(op, m.input("x", (1, 5, 10, 8)), **attributes))
    check(m)


@pytest.mark.parametrize("op", ["AveragePool", "MaxPool"])
def test_a_pool_of_ceil_mode_may_be_larger_than_its_input(model, check, op):
    m = model()
    m.output(m.node(op, m.input("x", (1, 5, 2, 8)), kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1))
    assert check(m).outputs[0].shape == (1, 5, 1, 4)


def test_an_average_pool_that_counts_its_padding_matches_onnx(model, check):
    m = model()
    x = m.input("x", (1, 4, 6, 6))
    m.output(m.node("AveragePool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1))
    check(m)


@pytest.mark.parametrize("op", ["GlobalAveragePool", "GlobalMaxPool"])
def test_a_global_pool_matches_onnx(model, check, op):
    m = model()
    m.output(m.node("Flatten", m.node(op, m.input("x", (1, 5, 7, 6)))))
    assert check(m).ops == ["transpose", f"{'average' if 'Av' in op else 'max'}_pool_f32"]


@pytest.mark.parametrize("attributes", [{}, {"transB": 1}, {"alpha": 0.5, "beta": 2.0}])
def test_gemm_matches_onnx(model, check, attributes):
    m = model()
    w = m.random(4, 7) if attributes.get("transB") else m.random(7, 4)
    m.output(m.node("Gemm", m.input("x", (3, 7)), w, m.random(4), **attributes))
    assert check(m).ops == ["dense_f32"]


def test_gemm_with_a_matrix_to_add_matches_onnx(model, check):
    m = model()
    m.output(m.node("Gemm", m.input("x", (3, 7)), m.random(7, 4), m.random(3, 1)))
    assert check(m).ops == ["dense_f32", "binary"]


def test_gemm_with_a_dequantized_matrix_to_add_matches_onnx(model, check):
    m = model()
    x = m.qdq(m.input("x", (3, 7)), 0.02, 100)
    y = m.node("Gemm", x, m.weights((7, 4), axis=1), m.weights((3, 1), axis=None))
    m.output(m.qdq(y, 0.05, 90))
    assert "dense_f32" in check(m, atol=0.0501).ops


def test_a_bias_of_one_row_that_is_quantized_matches_onnx(model, check):
    m = model()
    x = m.qdq(m.input("x", (3, 7)), 0.02, 100)
    for axis in (None, 1):
        m.output(m.qdq(m.node("Gemm", x, m.weights((7, 4), axis=1), m.weights((1, 4), axis=axis)), 0.05, 120))
    assert check(m, steps=1, atol=0.0501).ops.count("dense_i8") == 2


def test_a_sum_with_one_unsigned_element_is_a_table(model, check):
    m = model()
    x = m.qdq(m.input("x", (1, 3, 4)), 0.02, 100)
    one = m.node("DequantizeLinear", *map(m.constant, (np.uint8(130), np.float32(0.02), np.uint8(100))))
    m.output(m.qdq(m.node("Add", x, one), 0.03, 110))
    assert "lookup_i8" in check(m, steps=1, atol=0.0301).ops


def test_matmul_on_three_dimensions_matches_onnx(model, check):
    m = model()
    m.output(m.node("MatMul", m.input("x", (2, 3, 7)), m.random(7, 4)))
    assert check(m).ops == ["dense_f32"]


@pytest.mark.parametrize(
    ("shape", "op"),
    [
        *(((), "add_f32"), ((1,), "add_f32"), ((8,), "add_f32"), ((1, 5, 6, 8), "add_f32")),
        *(((5, 1, 1), "binary"), ((6, 8), "binary")),
    ],
)
def test_adding_a_constant_matches_onnx(model, check, shape, op):
    m = model()
    m.output(m.node("Add", m.random(*shape), m.input("x", (1, 5, 6, 8))))
    assert check(m).ops == [op]


def test_a_constant_is_added_to_a_scalar(model, check):
    m = model()
    m.output(m.node("Add", m.input("x", ()), m.random()))
    assert check(m).ops == ["add_f32"]


def test_adding_two_activations_matches_onnx(model, check):
    m = model()
    m.output(m.node("Add", m.input("a", (1, 5, 6)), m.input("b", (1, 5, 6))))
    check(m)


def test_adding_an_activation_that_is_a_vector_matches_onnx(model, check):
    m = model()
    m.output(m.node("Add", m.input("a", (6,)), m.input("b", (2, 5, 6))))
    check(m)


def test_adding_an_activation_of_a_lower_rank_and_as_many_elements_matches_onnx(model, check):
    m = model()
    m.output(m.node("Add", m.input("a", (2, 3)), m.node("Relu", m.input("b", (1, 2, 3)))))
    assert check(m).ops == ["clamp_f32", "add_f32"]


@pytest.mark.parametrize(("opset", "axis"), [(9, 1), (11, 2), (13, -1), (13, 1), (17, 3)])
def test_softmax_matches_onnx(model, check, opset, axis):
    m = model(opset)
    m.output(m.node("Softmax", m.input("x", (2, 3, 4, 5)), axis=axis))
    if opset < 13:  # ONNX's evaluator knows the newer meaning only
        m13 = model(13)
        flat = m13.node("Reshape", m13.input("x", (2, 3, 4, 5)), m13.constant(np.array([[2, 60], [6, 20]][axis - 1])))
        soft = m13.node("Softmax", flat)
        m13.output(m13.node("Reshape", soft, m13.constant(np.array([2, 3, 4, 5]))))
        x = [np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)]
        old = _outputs(m, x)
        np.testing.assert_allclose(old, check(m13, inputs=x).outputs[0], rtol=1e-6)
    else:
        check(m)


def _outputs(m, x):
    graph = import_onnx(read_file(m.proto().SerializeToString(), Path("m.onnx")), {})
    return evaluate(assemble(graph, lower(graph), {}), x)[0]


@pytest.mark.parametrize("opset", [7, 11])
def test_clip_takes_bounds_as_attributes_or_inputs(model, check, opset):
    m = model(opset)
    x = m.input("x", (1, 40))
    bounds = (m.constant(np.float32(-0.3)), m.constant(np.float32(0.4))) if opset >= 11 else ()
    m.output(m.node("Clip", x, *bounds, **({} if bounds else {"min": -0.3, "max": 0.4})))
    assert check(m).ops == ["clamp_f32"]


def test_clip_with_one_bound_leaves_the_other_open(model, check):
    m = model()
    m.output(m.node("Clip", m.input("x", (1, 40)), "", m.constant(np.float32(0.4))))
    check(m)


@pytest.mark.parametrize("quantized", [False, True])
def test_clip_between_crossed_bounds_is_the_upper_one(model, check, quantized):
    m = model()
    x = m.node("Clip", m.input("x", (1, 40)), m.constant(np.float32(0.5)), m.constant(np.float32(-0.25)))
    m.output(m.qdq(x, 0.01, 100) if quantized else x)
    assert np.unique(check(m).outputs[0]).tolist() == [-0.25]


@pytest.mark.parametrize(("code", "dtype"), [(0, "u8"), (2, "u8"), (3, "i8")])
def test_a_quantize_without_zero_point_gives_what_its_output_dtype_says(model, check, code, dtype):
    m = model(21)
    m.output(m.node("QuantizeLinear", m.input("x", (1, 40)), m.constant(np.float32(0.02)), output_dtype=code), dtype)
    assert check(m).outputs[0].dtype == {"u8": np.uint8, "i8": np.int8}[dtype]


def test_moving_ops_match_onnx(model, check):
    m = model()
    x = m.input("x", (2, 3, 4))
    a = m.node("Unsqueeze", x, m.constant(np.array([0, 2])))
    b = m.node("Transpose", a, perm=[4, 1, 0, 2, 3])
    c = m.node("Squeeze", b, m.constant(np.array([2, 3])))
    d = m.node("Reshape", c, m.constant(np.array([0, -1])))
    m.output(m.node("Concat", d, d, axis=-1))
    assert sorted(check(m).ops) == ["concat", "transpose"]


def test_an_empty_part_of_a_concat_adds_nothing(model, check):
    m = model()
    m.output(m.node("Concat", m.random(2, 0), m.input("x", (2, 3)), axis=1))
    check(m)


def test_squeeze_and_unsqueeze_take_axes_as_attributes_before_opset_13(model, check):
    m = model(11)
    a = m.node("Unsqueeze", m.input("x", (2, 3)), axes=[0])
    m.output(m.node("Relu", m.node("Squeeze", a, axes=[0])))
    assert check(m).ops == ["clamp_f32"]


def test_a_shape_computed_from_the_input_is_folded(model, check):
    m = model()
    x = m.input("x", (1, 3, 4, 5))
    batch = m.node("Gather", m.node("Shape", x), m.constant(np.int64(0)), axis=0)
    rows = m.node("Unsqueeze", batch, m.constant(np.array([0])))
    shape = m.node("Concat", rows, m.node("Constant", value_ints=[-1]), axis=0)
    m.output(m.node("Relu", m.node("Reshape", x, shape)))
    assert check(m).ops == ["clamp_f32"]


def test_dropout_and_identity_do_nothing(model, check):
    m = model()
    m.output(m.node("Relu", m.node("Identity", m.node("Dropout", m.input("x", (1, 4))))))
    assert check(m).ops == ["clamp_f32"]


def test_an_output_that_is_an_input_or_another_output_is_copied(model, check):
    m = model()
    x = m.input("x", (1, 4))
    y = m.node("Relu", x)
    for name in (y, m.node("Identity", y), m.node("Identity", x), m.node("Reshape", y, m.constant(np.array([4])))):
        m.output(name)
    assert check(m).ops.count("copy") == 3


def test_a_symbolic_batch_is_one(model, check):
    m = model()
    m.output(m.node("Relu", m.input("x", ("batch", 4))))
    assert check(m, inputs=[np.ones((1, 4), np.float32)]).plan.tensors[0].dims == (1, 4)


def test_other_symbolic_dimensions_are_refused_by_name(model, compiled):
    m = model()
    m.output(m.node("Relu", m.input("x", (1, "time"))))
    with pytest.raises(Exception, match=r"leaves dimension 1 \(time\) open") as error:
        compiled(m)
    assert error.value.code == "EFN-M007"


@pytest.mark.parametrize(("name", "said"), [("gate", "'gate'"), ("", "'-> t0_0'")])
def test_an_unsupported_op_is_named_with_its_node_and_what_is_supported(model, compiled, name, said):
    m = model()
    m.output(m.node("Det", m.input("x", (4, 4)), name=name))
    with pytest.raises(UnsupportedError, match=rf"op Det .node {said}. is not supported. Supported are Abs") as error:
        compiled(m)
    assert error.value.code == "EFN-M010"


def test_an_op_of_another_domain_is_named_with_it(model, compiled):
    m = model()
    m.output(m.node("Relu", m.input("x", (1, 4)), domain="com.acme"))
    with pytest.raises(UnsupportedError, match=r"op com\.acme\.Relu"):
        compiled(m)


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda m, x: m.node("Conv", x, m.random(4, 4, 1)), r"with weights \(4, 4, 1\)"),
        (lambda m, x: m.node("Conv", x, x), "computed at run time"),
        (lambda m, x: m.node("MaxPool", x, kernel_shape=[2, 2], outputs=2), "indices"),
        (lambda m, x: m.node("NonZero", x), "computed at run time"),
        (lambda m, x: m.node("QuantizeLinear", x, m.constant(np.float32(1)), m.constant(np.int32(1))), "to i32"),
    ],
)
def test_an_unsupported_form_says_what_is_missing(model, compiled, build, said):
    m = model()
    m.output(build(m, m.input("x", (1, 4, 4, 4))))
    with pytest.raises(UnsupportedError, match=said) as error:
        compiled(m)
    assert error.value.code == "EFN-M011"


def test_an_int64_output_lies_as_int32_and_says_so(model, compiled):
    m = model()
    x = m.input("x", (1, 4))
    m.output(m.node("Shape", x), "i64")
    plan = read_plan(compiled(m).plan)
    assert plan.tensors[plan.outputs[0]].dtype == "i32"
    assert plan.meta["outputs"][0]["dtype"] == "i64"


def test_supported_ops_are_listed_with_their_restrictions():
    ops = {op.name: op.restrictions for op in supported_ops()}
    assert ops["Range"] == "of constants only"
    assert "constant weights" in ops["Conv"]
    assert list(ops) == sorted(ops)


@pytest.mark.parametrize("handlers", [HANDLERS, TFLITE])
def test_supported_ops_are_written_in_the_order_of_their_names(handlers):
    names = [name for name in handlers if name not in {*UNARIES, *TFLITE_UNARIES}]
    assert names == sorted(names)


def test_every_activation_that_tflite_fuses_is_listed():
    assert all(name in TFLITE["CONV_2D"][1] for name in ACTIVATIONS if name != "NONE")
