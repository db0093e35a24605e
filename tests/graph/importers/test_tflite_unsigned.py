"""Models of 2018, which compute in u8 around any zero point; and integer weights that -127 to 127 do not hold."""

import numpy as np
import pytest

from edgefn.engine.standalone import Runner
from edgefn.errors import UnsupportedError
from edgefn.graph.plan import read_plan
from edgefn.graph.reference import evaluate

RNG = np.random.default_rng(9)
X, Y = (0.02, 120), (0.3, 100)
W = 0.013


@pytest.fixture
def run(compiled_tflite):
    """The output of a model, which the oracle and the engine must agree on."""

    def once(writer, *inputs):
        plan = compiled_tflite(writer).plan
        (found,) = evaluate(read_plan(plan), inputs)
        with Runner(plan) as runner:
            assert runner.run(inputs)[0] == found.tobytes()
        return found

    return once


def bytes_of(*shape, low=0):
    return RNG.integers(low, low + 256, shape).astype(np.uint8 if low == 0 else np.int8)


def tensor(writer, value, scale, *, constant=False):
    kind = {"uint8": "UINT8", "int8": "INT8", "int32": "INT32"}[value.dtype.name]
    q = writer.quantization([scale[0]], [scale[1]])
    return writer.tensor(kind, value.shape, kind, value if constant else None, Quantization=q)


def layer(writer, op, x, w, shape, *, points, options, fields):
    """A model of one layer; `points` are the zero points of x, the weights and y."""
    bias = RNG.integers(-9999, 9999, shape[-1]).astype(np.int32)
    scales = (X[0], W, X[0] * W, Y[0])
    ports = [tensor(writer, x, (scales[0], points[0]))]
    ports.append(tensor(writer, w, (scales[1], points[1]), constant=True))
    ports.append(tensor(writer, bias, (scales[2], 0), constant=True))
    y = tensor(writer, np.zeros(shape, x.dtype), (scales[3], points[2]))
    writer.op(op, ports, [y], options, fields)
    writer.subgraph(ports[:1], [y])
    return bias


def ended(total, point, dtype):
    real = total * (X[0] * W / Y[0])
    info = np.iinfo(dtype)
    return np.clip(np.trunc(real + np.copysign(0.5, real)) + point, info.min, info.max)


def patches(x, kernel, stride):
    """What a window sees without padding: `[OH, OW, kh, kw, C]`."""
    seen = np.lib.stride_tricks.sliding_window_view(x[0], kernel, (0, 1))
    return seen[:: stride[0], :: stride[1]].transpose(0, 1, 3, 4, 2)


FORMS = [(0, (120, 133, 100)), (0, (0, 0, 128)), (0, (255, 255, 0)), (-128, (-5, 0, 3))]


@pytest.mark.parametrize(("low", "points"), FORMS)
def test_a_convolution(writer, run, low, points):
    x, w = bytes_of(1, 7, 9, 5, low=low), bytes_of(6, 3, 2, 5, low=low)
    fields = {"Padding": 1, "StrideH": 1, "StrideW": 2}
    bias = layer(writer, "CONV_2D", x, w, (1, 5, 4, 6), points=points, options="Conv2DOptions", fields=fields)
    seen = patches(x.astype(int) - points[0], (3, 2), (1, 2))
    total = np.einsum("yxijc,mijc->yxm", seen, w.astype(int) - points[1]) + bias
    np.testing.assert_array_equal(run(writer, x)[0], ended(total, points[2], x.dtype))


@pytest.mark.parametrize(("low", "points"), FORMS)
def test_a_depthwise_convolution(writer, run, low, points):
    x, w = bytes_of(1, 7, 9, 5, low=low), bytes_of(1, 3, 3, 5, low=low)
    fields = {"Padding": 1, "StrideH": 2, "StrideW": 2, "DepthMultiplier": 1}
    options = "DepthwiseConv2DOptions"
    bias = layer(writer, "DEPTHWISE_CONV_2D", x, w, (1, 3, 4, 5), points=points, options=options, fields=fields)
    seen = patches(x.astype(int) - points[0], (3, 3), (2, 2))
    total = np.einsum("yxijc,ijc->yxc", seen, w[0].astype(int) - points[1]) + bias
    np.testing.assert_array_equal(run(writer, x)[0], ended(total, points[2], x.dtype))


@pytest.mark.parametrize(("low", "points"), FORMS)
def test_a_dense_layer(writer, run, low, points):
    x, w = bytes_of(3, 21, low=low), bytes_of(6, 21, low=low)
    options = "FullyConnectedOptions"
    bias = layer(writer, "FULLY_CONNECTED", x, w, (3, 6), points=points, options=options, fields={})
    total = (x.astype(int) - points[0]) @ (w.astype(int) - points[1]).T + bias
    np.testing.assert_array_equal(run(writer, x), ended(total, points[2], x.dtype))


def test_parts_of_several_scales_are_joined(writer, run):
    a, b = bytes_of(3, 4), bytes_of(3, 5)
    ports = [tensor(writer, a, (0.05, 100)), tensor(writer, b, (0.02, 10))]
    y = tensor(writer, np.zeros((3, 9), np.uint8), (0.06, 110))
    writer.op("CONCATENATION", ports, [y], "ConcatenationOptions", {"Axis": 1})
    writer.subgraph(ports, [y])
    real = np.concatenate([(a - 100.0) * 0.05, (b - 10.0) * 0.02], axis=1) / 0.06
    np.testing.assert_array_equal(run(writer, a, b), np.clip(np.trunc(real + np.copysign(0.5, real)) + 110, 0, 255))


def test_a_dilated_depthwise_convolution_with_weights_that_do_not_fit_is_refused(writer, compiled_tflite):
    fields = {
        "Padding": 1,
        "StrideH": 1,
        "StrideW": 1,
        "DepthMultiplier": 1,
        "DilationWFactor": 2,
        "DilationHFactor": 1,
    }
    x, w = bytes_of(1, 7, 9, 5), bytes_of(1, 3, 3, 5)
    options, points = "DepthwiseConv2DOptions", FORMS[1][1]
    layer(writer, "DEPTHWISE_CONV_2D", x, w, (1, 5, 5, 5), points=points, options=options, fields=fields)
    with pytest.raises(UnsupportedError, match="beyond -127 to 127 that are dilated") as error:
        compiled_tflite(writer)
    assert error.value.code == "EFN-M011"


def test_floats_become_u8_and_floats_again(writer, run):
    x = RNG.normal(0, 1, (3, 4)).astype(np.float32)
    source, target = writer.tensor("x", x.shape), writer.tensor("y", x.shape)
    middle = tensor(writer, bytes_of(3, 4), X)
    writer.op("QUANTIZE", [source], [middle])
    writer.op("DEQUANTIZE", [middle], [target])
    writer.subgraph([source], [target])
    wanted = (np.clip(np.rint(x / X[0]) + X[1], 0, 255) - X[1]) * X[0]
    np.testing.assert_allclose(run(writer, x), wanted, rtol=1e-6)


def test_u8_at_the_ends_of_an_i8_model_are_left_alone(writer, compiled_tflite):
    x = tensor(writer, bytes_of(2, 3), X)
    middle = tensor(writer, bytes_of(2, 3, low=-128), (X[0], X[1] - 128))
    writer.op("QUANTIZE", [x], [middle])
    y = tensor(writer, bytes_of(2, 3, low=-128), (X[0], X[1] - 128))
    writer.op("RELU", [middle], [y])
    writer.subgraph([x], [y])
    assert [o.op for o in compiled_tflite(writer).summary.ops] == ["lookup_i8", "clamp_i8"]
