"""TFLite's convolutions in groups, padded before, with several outputs a channel and transposed, against numpy."""

from functools import partial

import numpy as np
import pytest
from tests.graph.importers import arrays
from tests.graph.importers.operands import SCALE, i32, tensor

RNG = np.random.default_rng(11)
normal, integers = partial(arrays.normal, RNG), partial(arrays.integers, RNG)


@pytest.fixture
def run(run_tflite):
    return run_tflite


def convolution(writer, op, x, weights, wanted, options, fields, *, first=()):
    places = [tensor(writer, "x", x), tensor(writer, "w", weights, constant=True)]
    shape = [tensor(writer, "shape", i32(*wanted), constant=True)] if first else []
    target = writer.tensor("y", wanted)
    writer.op(op, [*shape, *(places[::-1] if first else places)], [target], options, fields)
    writer.subgraph(places[:1], [target])


def test_a_convolution_in_groups(writer, run):
    x, weights = normal(1, 5, 6, 6), normal(4, 3, 3, 3)
    halves = [plain(x[..., 3 * g : 3 * g + 3], weights[2 * g : 2 * g + 2]) for g in (0, 1)]
    wanted = np.concatenate(halves, -1)
    fields = {"Padding": 1, "StrideW": 1, "StrideH": 1}
    convolution(writer, "CONV_2D", x, weights, wanted.shape, "Conv2DOptions", fields)
    np.testing.assert_allclose(run(writer, x)[0], wanted, atol=1e-5)


def plain(x, w):
    """A convolution without padding, in f64: x [1, H, W, C], w [M, kh, kw, C]."""
    seen = np.lib.stride_tricks.sliding_window_view(
        x.astype(np.float64), w.shape[1:3], (1, 2)
    )  # [1, OH, OW, C, kh, kw]
    return np.einsum("nyxcij,mijc->nyxm", seen, w)


@pytest.mark.parametrize("made", [normal, integers], ids=["f32", "i8"])
def test_a_pad_in_front_of_a_convolution_is_part_of_it(writer, compiled_tflite, made):
    """What converters make of layers that pad by themselves: PAD, then a convolution that does not."""
    x, weights = made(1, 6, 6, 3), made(4, 3, 3, 3)
    widths = tensor(writer, "widths", i32(0, 0, 1, 1, 1, 1, 0, 0).reshape(4, 2), constant=True)
    source, middle = tensor(writer, "x", x), tensor(writer, "m", np.zeros((1, 8, 8, 3), x.dtype))
    held = tensor(writer, "w", weights, constant=True, scale=(0.02, 0))
    target = tensor(writer, "y", np.zeros((1, 6, 6, 4), x.dtype))
    writer.op("PAD", [source, widths], [middle])
    writer.op("CONV_2D", [middle, held], [target], "Conv2DOptions", {"Padding": 1, "StrideW": 1, "StrideH": 1})
    writer.subgraph([source], [target])
    assert [o.op for o in compiled_tflite(writer).summary.ops] == [f"conv2d_{'i8' if x.dtype == np.int8 else 'f32'}"]


def test_a_depthwise_convolution_with_several_outputs_a_channel(writer, run):
    x, weights = normal(1, 5, 6, 3), normal(1, 3, 3, 6)
    wide = np.repeat(x, 2, 3)
    wanted = np.concatenate([plain(wide[..., m : m + 1], weights[..., m : m + 1]) for m in range(6)], -1)
    fields = {"Padding": 1, "StrideW": 1, "StrideH": 1, "DepthMultiplier": 2}
    convolution(writer, "DEPTHWISE_CONV_2D", x, weights, wanted.shape, "DepthwiseConv2DOptions", fields)
    np.testing.assert_allclose(run(writer, x)[0], wanted, atol=1e-5)


def scattered(x, w, stride, pad, size):
    """A transposed convolution in f64: every input adds its weights to the result."""
    y = np.zeros((1, size[0] + 20, size[1] + 20, len(w)))
    for i, j in np.ndindex(x.shape[1:3]):
        for k, m in np.ndindex(w.shape[1:3]):
            y[0, 10 + i * stride + k - pad[0], 10 + j * stride + m - pad[1]] += w[:, k, m] @ x[0, i, j].astype(
                np.float64
            )
    return y[:, 10 : 10 + size[0], 10 : 10 + size[1]]


@pytest.mark.parametrize(
    ("kernel", "stride", "same", "size", "pad"),
    [
        ((3, 3), 2, True, (8, 10), (0, 0)),
        ((4, 4), 2, True, (8, 10), (1, 1)),
        ((2, 2), 2, False, (8, 10), (0, 0)),
        ((3, 2), 1, True, (4, 5), (1, 0)),
        ((3, 3), 2, False, (9, 11), (0, 0)),
    ],
)
def test_a_transposed_convolution(writer, run, kernel, stride, same, size, pad):
    x, weights = normal(1, 4, 5, 3), normal(2, *kernel, 3)
    wanted = scattered(x, weights, stride, pad, size)
    fields = {"Padding": int(not same), "StrideW": stride, "StrideH": stride}
    convolution(writer, "TRANSPOSE_CONV", x, weights, wanted.shape, "TransposeConvOptions", fields, first=True)
    np.testing.assert_allclose(run(writer, x)[0], wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("kernel", "stride", "same", "size", "pad"),
    [((2, 2), 2, True, (8, 9), (0, 0)), ((4, 3), 2, True, (8, 9), (1, 1)), ((3, 2), 2, False, (9, 10), (0, 0))],
)
def test_a_transposed_convolution_as_mediapipe_has_it(writer, run, kernel, stride, same, size, pad):
    x, weights, bias = normal(1, 4, 5, 3), normal(2, *kernel, 3), normal(2)
    wanted = scattered(x, weights, stride, pad, size) + bias
    parts = [tensor(writer, "x", x), *(tensor(writer, "w", v, constant=True) for v in (weights, bias))]
    target = tensor(writer, "y", wanted.astype(np.float32))
    options = np.array([1 if same else 2, stride, stride], np.int32).tobytes()
    writer.op("Convolution2DTransposeBias", parts, [target], CustomOptions=options)
    writer.subgraph(parts[:1], [target])
    np.testing.assert_allclose(run(writer, x)[0], wanted, atol=1e-5)


def test_a_transposed_convolution_in_int8(writer, run):
    x, weights, bias = integers(1, 4, 5, 3), integers(2, 4, 4, 3), i32(300, -200)
    scales, (y_scale, y_zero) = np.array([0.02, 0.01]), (0.3, 5)
    shape = tensor(writer, "shape", i32(1, 8, 10, 2), constant=True)
    q = writer.quantization(scales, [0, 0])
    held = writer.tensor("w", weights.shape, "INT8", weights, Quantization=q)
    source = tensor(writer, "x", x)
    added = tensor(writer, "b", bias, constant=True)
    target = tensor(writer, "y", np.zeros((1, 8, 10, 2), np.int8), scale=(y_scale, y_zero))
    fields = {"Padding": 0, "StrideW": 2, "StrideH": 2}
    writer.op("TRANSPOSE_CONV", [shape, held, source, added], [target], "TransposeConvOptions", fields)
    writer.subgraph([source], [target])
    total = scattered(x.astype(int) - SCALE[1], weights.astype(int), 2, (1, 1), (8, 10)) + bias
    real = total * (SCALE[0] * scales / y_scale)
    wanted = np.clip(np.trunc(real + np.copysign(0.5, real)) + y_zero, -128, 127)
    np.testing.assert_array_equal(run(writer, x)[0], wanted)
