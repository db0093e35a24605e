"""Every TFLite operator that is supported, against numpy written out; and the forms that are refused.

The arithmetic of int8 is held by tests/graph/ops and, on real models, by tests/graph/test_models.py.
"""

from functools import partial

import numpy as np
import pytest
from tests.graph.importers import arrays

from edgefn.errors import EdgefnError, ModelError, UnsupportedError
from edgefn.graph.compiler import inspect_model, read_model

RNG = np.random.default_rng(5)
normal, integers = partial(arrays.normal, RNG), partial(arrays.integers, RNG)
RELU6 = 3
CONV = {"Padding": 0, "StrideW": 2, "StrideH": 1, "DilationWFactor": 1, "DilationHFactor": 1}


@pytest.fixture
def run(run_tflite):
    """The only output of a model."""
    return lambda writer, *inputs, **tolerance: run_tflite(writer, *inputs, **tolerance)[0]


def windows(x, kernel, stride, *, same, dilation=(1, 1)):
    """What every output position sees: `[OH, OW, kh, kw, C]`, nan outside the input."""
    size = x.shape[:2]
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation)]
    out = [-(-n // s) if same else (n - r) // s + 1 for n, r, s in zip(size, reach, stride)]
    first = [max(0, (o - 1) * s + r - n) // 2 if same else 0 for o, s, r, n in zip(out, stride, reach, size)]
    seen = np.full((*out, *kernel, x.shape[2]), np.nan, np.float32)
    for place in np.ndindex(*out, *kernel):
        y, c = (place[i] * stride[i] - first[i] + place[2 + i] * dilation[i] for i in (0, 1))
        if 0 <= y < size[0] and 0 <= c < size[1]:
            seen[place] = x[y, c]
    return seen


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("dilation", [1, 2])
def test_a_convolution(writer, run, same, dilation):
    x, weights, bias = normal(1, 7, 8, 3), normal(5, 3, 2, 3), normal(5)
    options = CONV | {"Padding": int(not same), "DilationHFactor": dilation, "FusedActivationFunction": RELU6}
    seen = windows(x[0], (3, 2), (1, 2), same=same, dilation=(dilation, 1))
    wanted = np.einsum("yxijc,mijc->yxm", np.nan_to_num(seen), weights) + bias
    tensors = [writer.tensor("x", x.shape), writer.tensor("w", weights.shape, constant=weights)]
    tensors += [writer.tensor("b", (5,), constant=bias), writer.tensor("y", (1, *wanted.shape))]
    writer.op("CONV_2D", tensors[:3], tensors[3:], "Conv2DOptions", options)
    writer.subgraph([0], [3])
    np.testing.assert_allclose(run(writer, x)[0], np.clip(wanted, 0, 6), atol=1e-5)


@pytest.mark.parametrize(("channels", "outputs"), [(6, 6), (1, 4)])
def test_a_depthwise_convolution(writer, run, channels, outputs):
    x, weights = normal(1, 6, 6, channels), normal(1, 3, 3, outputs)
    seen = np.nan_to_num(windows(x[0], (3, 3), (1, 1), same=True))
    wanted = np.einsum("yxijc,ijm->yxm" if channels == 1 else "yxijc,ijc->yxc", seen, weights[0])
    tensors = [writer.tensor("x", x.shape), writer.tensor("w", weights.shape, constant=weights)]
    writer.tensor("y", (1, *wanted.shape))
    fields = {"StrideW": 1, "StrideH": 1, "DepthMultiplier": outputs // channels}
    writer.op("DEPTHWISE_CONV_2D", tensors, [2], "DepthwiseConv2DOptions", fields)
    writer.subgraph([0], [2])
    np.testing.assert_allclose(run(writer, x)[0], wanted, atol=1e-5)


@pytest.mark.parametrize("kind", ["FLOAT32", "FLOAT16", "INT8"])
def test_a_dense_layer_with_weights_of_any_kind(writer, run, kind):
    x, weights = normal(2, 3, 4), normal(5, 12)
    fields = {}
    if kind == "INT8":
        fields["Quantization"] = writer.quantization([0.02], [0])
        stored = RNG.integers(-127, 128, (5, 12), np.int8)
        weights = stored * np.float32(0.02)
    else:
        stored = weights.astype(np.float16 if kind == "FLOAT16" else np.float32)
        weights = stored.astype(np.float32)
    tensors = [writer.tensor("x", x.shape), writer.tensor("w", (5, 12), kind, stored, **fields)]
    writer.tensor("y", (2, 5))
    writer.op("FULLY_CONNECTED", tensors, [2], "FullyConnectedOptions")
    writer.subgraph([0], [2])
    np.testing.assert_allclose(run(writer, x), x.reshape(2, 12) @ weights.T, atol=1e-5)


def test_a_dense_layer_whose_weights_are_computed(writer, run):
    x, weights, bias = normal(3, 12), normal(5, 12), normal(5)
    tensors = [writer.tensor("x", x.shape), writer.tensor("w", weights.shape), writer.tensor("b", (5,), constant=bias)]
    writer.tensor("y", (3, 5))
    writer.op("FULLY_CONNECTED", tensors, [3], "FullyConnectedOptions", {"FusedActivationFunction": RELU6})
    writer.subgraph([0, 1], [3])
    np.testing.assert_allclose(run(writer, x, weights), np.clip(x @ weights.T + bias, 0, 6), atol=1e-5)


@pytest.mark.parametrize("adjoint", [(False, False), (True, False), (False, True)])
def test_a_product_of_batches(writer, run, adjoint):
    a, b = normal(2, 3, 5, 7), normal(3, 7, 4)
    x, y = a.swapaxes(2, 3).copy() if adjoint[0] else a, b.swapaxes(1, 2).copy() if adjoint[1] else b
    tensors = [writer.tensor("a", x.shape), writer.tensor("b", y.shape)]
    writer.tensor("y", (2, 3, 5, 4))
    fields = {"AdjX": adjoint[0], "AdjY": adjoint[1]}
    writer.op("BATCH_MATMUL", tensors, [2], "BatchMatMulOptions", fields)
    writer.subgraph([0, 1], [2])
    np.testing.assert_allclose(run(writer, x, y), a @ b, atol=1e-5)


# What LiteRT 2.3 gives (BUILTIN_REF): a product of batches rounds in fixed point, a dense layer in floating point.
ROUNDED = {"BATCH_MATMUL": [1, 1, 0, 0], "FULLY_CONNECTED": [0, 1, 0, 0]}


@pytest.mark.parametrize("op", ROUNDED)
def test_products_of_integers_round_as_the_reference_kernels(writer, run, op):
    """By 1 / 64: 31 is below one half, and is one half after TFLite's first rounding; -31 is not."""
    a, b = np.array([[31, 32, -31, 5]], np.int8).T, np.ones((1, 1), np.int8)
    for name, shape, scale in (("a", (4, 1), 0.25), ("b", (1, 1), 0.5), ("y", (4, 1), 8.0)):
        writer.tensor(name, shape, "INT8", Quantization=writer.quantization([scale], [0]))
    options = "BatchMatMulOptions" if op == "BATCH_MATMUL" else "FullyConnectedOptions"
    writer.op(op, [0, 1], [2], options)
    writer.subgraph([0, 1], [2])
    assert run(writer, a, b)[:, 0].tolist() == ROUNDED[op]


@pytest.mark.parametrize("adjoint", [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("batches", [((2, 3), (3,)), ((1,), (2,)), ((), (2, 3)), ((2, 1), (1, 3))])
def test_a_product_of_batches_of_integers(writer, run, adjoint, batches):
    a, b = (RNG.integers(-128, 128, (*lead, *s), np.int8) for lead, s in zip(batches, ((5, 7), (7, 4))))
    x = np.ascontiguousarray(a.swapaxes(-1, -2)) if adjoint[0] else a
    y = np.ascontiguousarray(b.swapaxes(-1, -2)) if adjoint[1] else b
    exact = (a.astype(int) + 3) @ (b.astype(int) - 2)
    for name, shape, q in (("a", x.shape, (0.05, -3)), ("b", y.shape, (0.02, 2)), ("y", exact.shape, (0.5, 7))):
        writer.tensor(name, shape, "INT8", Quantization=writer.quantization([q[0]], [q[1]]))
    writer.op("BATCH_MATMUL", [0, 1], [2], "BatchMatMulOptions", {"AdjX": adjoint[0], "AdjY": adjoint[1]})
    writer.subgraph([0, 1], [2])
    wanted = np.clip(np.rint(exact * 0.002) + 7, -128, 127)
    assert np.abs(run(writer, x, y) - wanted).max() <= 1


X, W, Y = (0.05, -3), (0.02, 0), (0.1, 7)


def integer_dense(writer, x, weights, *, bias=None, x_scale=X, w_scale=W, y_scale=Y, y_kind="INT8"):
    """`x` by `weights`, each tensor with a scale and a zero point, or several of both."""

    def q(scale_and_point):
        scale, point, *axis = scale_and_point
        return writer.quantization(np.atleast_1d(scale), np.atleast_1d(point), *axis)

    writer.tensor("x", x.shape, "INT8", Quantization=q(x_scale))
    writer.tensor("w", weights.shape, "INT8", weights, Quantization=q(w_scale))
    bias = np.zeros(len(weights), np.int32) if bias is None else bias
    writer.tensor("b", (len(weights),), "INT32" if bias.dtype == np.int32 else "FLOAT32", bias)
    writer.tensor("y", (len(x), len(weights)), y_kind, Quantization=q(y_scale))
    writer.op("FULLY_CONNECTED", [0, 1, 2], [3], "FullyConnectedOptions", {"FusedActivationFunction": 1})
    writer.subgraph([0], [3])


def test_a_dense_layer_in_int8(writer, run):
    x, weights, bias = integers(3, 12), integers(5, 12), RNG.integers(-9000, 9000, 5, np.int32)
    integer_dense(writer, x, weights, bias=bias)
    real = ((x.astype(int) - X[1]) @ weights.T.astype(int) + bias) * (X[0] * W[0] / Y[0])
    wanted = np.clip(np.trunc(real + np.copysign(0.5, real)) + Y[1], Y[1], 127)
    np.testing.assert_array_equal(run(writer, x), wanted)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"x_scale": ([0.1, 0.2, 0.3], [0, 0, 0])}, "i8 tensor 'x'; f32 and i8 with one scale"),
        ({"y_kind": "FLOAT32"}, "i8 input 'x' to f32"),
        ({"w_scale": ([0.1, 0.2, 0.3, 0.4], [0, 0, 0, 0], 1)}, "weights 'w' are not i8 with one scale"),
        ({"bias": np.zeros(3, np.float32)}, "a bias of float32"),
    ],
)
def test_a_dense_layer_in_int8_of_another_form_is_refused(writer, compiled_tflite, changes, said):
    integer_dense(writer, integers(3, 4), **{"weights": integers(3, 4), **changes})
    refused(writer, compiled_tflite, UnsupportedError, said)


def nibbles(value):
    """Integers of four bits as files have them: two to a byte, the first in the lower half."""
    flat = np.append(value.ravel(), np.zeros(value.size % 2, value.dtype))
    return ((flat[0::2] & 15) | (flat[1::2] & 15) << 4).astype(np.uint8)


def test_weights_of_four_bits(writer, run):
    weights, x, scales = RNG.integers(-8, 8, (5, 3)), normal(2, 3), np.array([0.1, 0.2, 0.3, 0.4, 0.5], np.float32)
    q = writer.quantization(scales, [0] * 5)
    ports = [writer.tensor("x", x.shape), writer.tensor("w", (5, 3), "INT4", nibbles(weights), Quantization=q)]
    writer.tensor("y", (2, 5))
    writer.op("FULLY_CONNECTED", ports, [2], "FullyConnectedOptions")
    writer.subgraph([0], [2])
    np.testing.assert_allclose(run(writer, x), x @ (weights * scales[:, None]).T, atol=1e-5)


def test_activations_of_four_bits_are_unsupported(writer, compiled_tflite):
    writer.tensor("x", (1, 4), "INT4")
    with pytest.raises(UnsupportedError, match="tensor 'x' has data type INT4"):
        compiled_tflite(writer)


def test_weights_of_f16_behind_a_dequantize_are_constants(writer, run):
    stored = normal(3, 4).astype(np.float16)
    x = normal(1, 4)
    writer.tensor("x", (1, 4))
    writer.tensor("w16", (3, 4), "FLOAT16", stored)
    writer.tensor("w", (3, 4))
    writer.tensor("y", (1, 3))
    writer.op("DEQUANTIZE", [1], [2])
    writer.op("FULLY_CONNECTED", [0, 2], [3], "FullyConnectedOptions")
    writer.subgraph([0], [3])
    np.testing.assert_allclose(run(writer, x), x @ stored.astype(np.float32).T, atol=1e-5)


def root_mean_square(x, axis):
    return np.sqrt(np.nanmean(np.square(x), axis=axis))


POOLS = [("AVERAGE_POOL_2D", np.nanmean), ("MAX_POOL_2D", np.nanmax), ("L2_POOL_2D", root_mean_square)]


@pytest.mark.parametrize(("op", "reduce"), POOLS)
@pytest.mark.parametrize("same", [True, False])
def test_a_pool(writer, run, op, reduce, same):
    x = normal(1, 7, 6, 5)
    wanted = reduce(windows(x[0], (3, 2), (2, 2), same=same), axis=(2, 3))
    writer.tensor("x", x.shape)
    writer.tensor("y", (1, *wanted.shape))
    fields = {"Padding": int(not same), "StrideW": 2, "StrideH": 2, "FilterWidth": 2, "FilterHeight": 3}
    writer.op(op, [0], [1], "Pool2DOptions", fields)
    writer.subgraph([0], [1])
    np.testing.assert_allclose(run(writer, x)[0], wanted, atol=1e-6)


@pytest.mark.parametrize("shape", [(2, 3, 4), (4,), (1,), (3, 1)])
@pytest.mark.parametrize("constant", [True, False])
def test_an_addition_broadcasts(writer, run, shape, constant):
    a, b = normal(2, 3, 4), normal(*shape)
    writer.tensor("b", shape, **({"constant": b} if constant else {}))
    writer.tensor("a", a.shape)
    writer.tensor("y", a.shape)
    writer.op("ADD", [0, 1], [2], "AddOptions", {"FusedActivationFunction": 1})
    writer.subgraph([1] if constant else [1, 0], [2])
    np.testing.assert_allclose(run(writer, a, *([] if constant else [b])), np.maximum(a + b, 0), atol=1e-6)


def unary(writer, op, x, shape, *constants, options="", **fields):
    writer.tensor("x", x.shape)
    writer.tensor("y", shape)
    more = [writer.tensor(f"c{i}", c.shape, "INT32", c) for i, c in enumerate(constants)]
    writer.op(op, [0, *more], [1], options, fields)
    writer.subgraph([0], [1])


@pytest.mark.parametrize(("op", "low", "high"), [("RELU", 0, np.inf), ("RELU6", 0, 6)])
def test_an_activation(writer, run, op, low, high):
    x = normal(1, 50) * 5
    unary(writer, op, x, x.shape)
    np.testing.assert_array_equal(run(writer, x), np.clip(x, low, high))


@pytest.mark.parametrize("beta", [1.0, 0.3])
def test_a_softmax(writer, run, beta):
    x = normal(3, 7)
    unary(writer, "SOFTMAX", x, x.shape, options="SoftmaxOptions", Beta=beta)
    e = np.exp(beta * (x - x.max(1, keepdims=True)))
    np.testing.assert_allclose(run(writer, x, exact=False), e / e.sum(1, keepdims=True), rtol=1e-5)


@pytest.mark.parametrize("keep", [True, False])
def test_a_mean_over_both_sides(writer, run, keep):
    x = normal(1, 4, 5, 3)
    axes = np.array([1, -2], np.int32)
    unary(writer, "MEAN", x, (1, 1, 1, 3) if keep else (1, 3), axes, options="ReducerOptions", KeepDims=keep)
    np.testing.assert_allclose(run(writer, x).ravel(), x.mean((1, 2)).ravel(), atol=1e-6)


@pytest.mark.parametrize("op", ["RESHAPE", "SQUEEZE"])
def test_a_reshape_takes_the_shape_that_the_file_declares(writer, run, op):
    x = normal(1, 6, 1)
    unary(writer, op, x, (6,))
    np.testing.assert_array_equal(run(writer, x), x.reshape(6))


def test_a_transpose(writer, run):
    x = normal(2, 3, 4)
    unary(writer, "TRANSPOSE", x, (4, 2, 3), np.array([2, 0, 1], np.int32))
    np.testing.assert_array_equal(run(writer, x), x.transpose(2, 0, 1))


def test_a_padding_of_every_dimension(writer, run):
    x = normal(1, 3, 4, 2)
    widths = np.array([[0, 0], [1, 2], [0, 3], [4, 0]], np.int32)
    unary(writer, "PAD", x, (1, 6, 7, 6), widths)
    np.testing.assert_array_equal(run(writer, x), np.pad(x, widths))


def test_a_concatenation(writer, run):
    a, b = normal(2, 3), normal(2, 5)
    writer.tensor("a", a.shape)
    writer.tensor("b", b.shape)
    writer.tensor("y", (2, 8))
    writer.op("CONCATENATION", [0, 1], [2], "ConcatenationOptions", {"Axis": -1})
    writer.subgraph([0, 1], [2])
    np.testing.assert_array_equal(run(writer, a, b), np.concatenate([a, b], 1))


def test_ports_have_the_names_of_the_signature(writer, compiled_tflite):
    x = normal(1, 4)
    writer.tensor("x", x.shape)
    writer.tensor("y", x.shape)
    writer.op("RELU", [0], [1])
    writer.subgraph([0], [1])
    names = {side: [writer.table("TensorMap", Name=name, TensorIndex=i)] for i, (side, name) in enumerate(NAMES)}
    serve = writer.table("SignatureDef", SignatureKey="serve", SubgraphIndex=0, **names)
    summary = compiled_tflite(writer, SignatureDefs=[serve]).summary
    assert [(p.name, p.shape) for p in (*summary.inputs, *summary.outputs)] == [("sound", (1, 4)), ("word", (1, 4))]
    assert (summary.format, summary.version) == ("tflite", 3)


NAMES = (("Inputs", "sound"), ("Outputs", "word"))


def refused(writer, compiled_tflite, kind, said):
    with pytest.raises(kind, match=said) as error:
        compiled_tflite(writer)
    assert isinstance(error.value, EdgefnError)


@pytest.mark.parametrize(
    ("op", "options", "fields", "said"),
    [
        ("SOFTMAX", "SoftmaxOptions", {"Beta": -2.0}, "beta -2"),
        ("ATAN2", "", {}, "ATAN2 .* is not supported. Supported are ABS"),
        ("AVERAGE_POOL_2D", "Pool2DOptions", {"StrideW": 1, "StrideH": 1}, "images of rank 4"),
    ],
)
def test_a_form_outside_coverage_is_refused_with_its_name(writer, compiled_tflite, op, options, fields, said):
    unary(writer, op, normal(1, 4), (1, 4), options=options, **fields)
    refused(writer, compiled_tflite, UnsupportedError, said)


@pytest.mark.parametrize(
    ("inputs", "outputs", "said"),
    [
        ([1], [1], "reads 'y', which nothing before it computes"),
        ([0], [0], "outputs of its own"),
        ([], [1], "input 0"),
    ],
)
def test_operators_in_no_order_are_malformed(writer, compiled_tflite, inputs, outputs, said):
    writer.tensor("x", (1, 4))
    writer.tensor("y", (1, 4))
    writer.op("RELU", inputs, outputs)
    writer.subgraph([0], [1])
    refused(writer, compiled_tflite, ModelError, said)


def test_a_shape_that_the_operator_does_not_compute_is_malformed(writer, compiled_tflite):
    unary(writer, "RELU", normal(1, 4), (1, 5))
    refused(writer, compiled_tflite, ModelError, r"computes \(1, 4\), the file says \(1, 5\)")


def test_inspecting_names_every_unknown_operator(writer, tmp_path):
    unary(writer, "ATAN2", normal(1, 4), (1, 4))
    (tmp_path / "m.tflite").write_bytes(writer.data())
    summary = inspect_model(read_model(tmp_path / "m.tflite"))
    assert (summary.supported, summary.unsupported) == (False, ("op ATAN2 (operator 'y')",))
    assert [p.name for p in (*summary.inputs, *summary.outputs)] == ["x", "y"]
