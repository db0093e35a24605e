"""Conv, ConvTranspose and pools in all their forms: in groups, of sequences, with odd geometries."""

import numpy as np
import pytest

from edgefn.errors import ModelError, UnsupportedError
from edgefn.graph.plan import read_plan
from edgefn.graph.reference import evaluate


@pytest.mark.parametrize(("group", "outputs"), [(2, 6), (3, 12), (4, 4), (6, 12), (12, 12), (12, 24), (2, 32)])
def test_a_grouped_convolution_matches_onnx(model, check, group, outputs):
    m = model()
    w = m.random(outputs, 12 // group, 3, 2)
    m.output(m.node("Conv", m.input("x", (1, 12, 7, 6)), w, m.random(outputs), group=group, pads=[1, 0, 1, 1]))
    check(m)


def test_small_groups_share_a_convolution(model, check):
    """Four groups of two outputs fill eight lanes; the weights between groups are zeros."""
    m = model()
    m.output(m.node("Conv", m.input("x", (1, 16, 5, 5)), m.random(16, 2, 3, 3), group=8))
    assert check(m).ops.count("conv2d_f32") == 2


def test_a_grouped_convolution_in_int8_is_one_of_its_parts_in_int8(model, check):
    m = model()
    x = m.qdq(m.input("x", (1, 4, 6, 6)), 0.02, 100)
    m.output(m.qdq(m.node("Conv", x, m.weights((16, 2, 3, 3)), group=2), 0.05, 90))
    result = check(m, atol=0.0501, steps=1)
    assert result.ops.count("conv2d_i8") == 2
    assert not any(op.endswith("f32") and op.startswith("conv") for op in result.ops)


@pytest.mark.parametrize(
    "attributes",
    [{}, {"pads": [2, 1]}, {"strides": [2], "auto_pad": "SAME_UPPER"}, {"dilations": [3], "pads": [0, 3]}],
)
@pytest.mark.parametrize("group", [1, 4])
def test_a_convolution_of_sequences_matches_onnx(model, check, attributes, group):
    m = model()
    w = m.random(8, 4 // group, 3)
    m.output(m.node("Conv", m.input("x", (2, 4, 11)), w, m.random(8), group=group, **attributes))
    check(m)


def test_layers_of_sequences_move_nothing_between_them(model, check):
    m = model()
    x = m.node("Relu", m.node("Conv", m.input("x", (1, 3, 40)), m.random(8, 3, 3), pads=[1, 1]))
    x = m.node("MaxPool", x, kernel_shape=[2], strides=[2])
    m.output(m.node("Conv", x, m.random(4, 8, 5)))
    assert check(m).ops == ["transpose", "conv2d_f32", "max_pool_f32", "conv2d_f32", "transpose"]


@pytest.mark.parametrize("op", ["AveragePool", "MaxPool"])
def test_a_pool_of_sequences_matches_onnx(model, check, op):
    m = model()
    m.output(m.node(op, m.input("x", (2, 3, 9)), kernel_shape=[3], strides=[2], pads=[1, 1]))
    check(m)


@pytest.mark.parametrize(("op", "wanted"), [("GlobalAveragePool", np.mean), ("GlobalMaxPool", np.max)])
def test_a_global_pool_of_sequences_is_one_along_them(model, compiled, op, wanted):
    m = model()
    m.output(m.node(op, m.input("x", (2, 3, 9))))
    x = np.random.default_rng(0).normal(0, 1, (2, 3, 9)).astype(np.float32)
    (found,) = evaluate(read_plan(compiled(m).plan), [x])
    np.testing.assert_allclose(found, wanted(x, axis=2, keepdims=True), atol=1e-6)


def test_padding_wider_than_the_kernel_matches_onnx(model, check):
    m = model()
    m.output(m.node("Conv", m.input("x", (1, 3, 5, 5)), m.random(4, 3, 2, 2), pads=[3, 0, 1, 2]))
    check(m)


def transposed(x, w, *, group, strides, dilations, pads, size):
    """y[i * stride + k * dilation - pad] += x[i] * w[k], in f64; x [N, C, H, W], w [C, M / group, kh, kw]."""
    n, channels, *lengths = x.shape
    each, *kernel = w.shape[1:]
    wide = [s * (length - 1) + d * (k - 1) + 1 for s, length, d, k in zip(strides, lengths, dilations, kernel)]
    room = [max(f, p + o) for f, p, o in zip(wide, pads, size)]
    y = np.zeros((n, group * each, *room))
    for g in range(group):
        inputs, outputs = slice(g * channels // group, (g + 1) * channels // group), slice(g * each, (g + 1) * each)
        for ky, kx in np.ndindex(*kernel):
            rows = slice(ky * dilations[0], ky * dilations[0] + strides[0] * (lengths[0] - 1) + 1, strides[0])
            columns = slice(kx * dilations[1], kx * dilations[1] + strides[1] * (lengths[1] - 1) + 1, strides[1])
            y[:, outputs, rows, columns] += np.einsum("nchw,cm->nmhw", x[:, inputs], w[inputs, :, ky, kx])
    return y[:, :, pads[0] : pads[0] + size[0], pads[1] : pads[1] + size[1]]


def random_axis(rng):
    """Length, kernel, stride, dilation, pads in front and behind, output_padding, of an output that is not empty."""
    length, kernel, stride = rng.integers(1, 6), rng.integers(1, 6), rng.integers(1, 5)
    dilation, more = rng.integers(1, 4), rng.integers(0, stride)
    full = stride * (length - 1) + more + (kernel - 1) * dilation + 1
    before = rng.integers(0, min(5, full))
    return [int(v) for v in (length, kernel, stride, dilation, before, rng.integers(0, min(5, full - before)), more)]


@pytest.mark.parametrize("seed", range(80))
def test_a_transposed_convolution_of_any_geometry_is_its_definition(model, compiled, seed):
    rng, m = np.random.default_rng(seed), model()
    length, kernel, strides, dilations, before, after, more = zip(random_axis(rng), random_axis(rng))
    group, each, depth = (int(n) for n in rng.integers(1, 4, 3))
    x = rng.normal(0, 1, (2, group * depth, *length)).astype(np.float32)
    w = rng.normal(0, 1, (group * depth, each, *kernel)).astype(np.float32)
    bias = rng.normal(0, 1, group * each).astype(np.float32)
    attributes = {"strides": strides, "dilations": dilations, "pads": (*before, *after), "output_padding": more}
    y = m.node("ConvTranspose", m.input("x", x.shape), m.constant(w), m.constant(bias), group=group, **attributes)
    m.output(y)
    (found,) = evaluate(read_plan(compiled(m).plan), [x])
    geometry = {"group": group, "strides": strides, "dilations": dilations, "pads": before, "size": found.shape[2:]}
    wanted = transposed(x.astype(np.float64), w.astype(np.float64), **geometry)
    np.testing.assert_allclose(found, wanted + bias[:, None, None], atol=1e-4)


@pytest.mark.parametrize(
    ("kernel", "attributes", "ops"),
    [
        # One convolution, as all phases see one pixel; its blocks are laid out by a transpose.
        ((2, 2), {"strides": [2, 2]}, ["transpose", "conv2d_f32", "transpose", "transpose"]),
        # Every phase sees other pixels: four convolutions of four taps each.
        (
            (4, 4),
            {"strides": [2, 2], "pads": [1, 1, 1, 1]},
            ["transpose", *["conv2d_f32"] * 4, "concat", "transpose", "transpose"],
        ),
        ((3, 3), {}, ["transpose", "winograd_f32", "transpose"]),
    ],
)
def test_a_transposed_convolution_is_as_few_convolutions_as_pay(model, check, kernel, attributes, ops):
    m = model()
    m.output(m.node("ConvTranspose", m.input("x", (1, 8, 5, 6)), m.random(8, 16, *kernel), m.random(16), **attributes))
    assert check(m).ops == ops


def test_an_activation_behind_groups_or_phases_is_computed_with_them(model, check):
    m = model()
    x = m.node("Conv", m.input("x", (1, 16, 5, 5)), m.random(16, 8, 3, 3), group=2)
    x = m.node("ConvTranspose", m.node("Relu", x), m.random(16, 8, 4, 4), strides=[2, 2], pads=[1, 1, 1, 1])
    m.output(m.node("Relu", x))
    assert not any("clamp" in op for op in check(m).ops)


@pytest.mark.parametrize("kernel", [2, 3])
def test_what_is_added_behind_a_transposed_convolution_is_its_bias(model, check, kernel):
    m = model()
    w = m.random(8, 16, kernel, kernel)
    x = m.node("ConvTranspose", m.input("x", (1, 8, 5, 5)), w, strides=[2, 2], pads=[0, 0, 1, 1])
    m.output(m.node("Relu", m.node("Add", x, m.random(1, 16, 1, 1))))
    assert not any("add" in op or "clamp" in op for op in check(m).ops)


def test_a_sum_that_is_not_one_for_every_channel_stays(model, check):
    m = model()
    x = m.node("ConvTranspose", m.input("x", (1, 4, 3, 3)), m.random(4, 8, 2, 2), strides=[2, 2])
    m.output(m.node("Add", x, m.random(1, 8, 6, 6)))
    assert "add_f32" in check(m).ops


def test_a_sequence_that_is_squeezed_between_layers_is_not_moved(model, check):
    """What frameworks make of one-dimensional layers: images one high, squeezed for what is computed between them."""
    m = model()
    x = m.node("Conv", m.input("x", (1, 3, 1, 20)), m.random(8, 3, 1, 3))
    x = m.node("Squeeze", x, m.constant(np.array([2])))
    x = m.node("Relu", m.node("Add", x, m.random(8, 1)))
    x = m.node("Unsqueeze", x, m.constant(np.array([2])))
    m.output(m.node("Conv", x, m.random(4, 8, 1, 3)))
    assert check(m).ops == ["transpose", "conv2d_f32", "conv2d_f32", "transpose"]


def test_an_upsampling_kernel_for_each_channel_of_a_large_stride_is_one_depthwise_convolution(model, check):
    m = model()
    w = m.random(3, 1, 16, 16)
    m.output(m.node("ConvTranspose", m.input("x", (1, 3, 4, 5)), w, group=3, strides=[8, 8], pads=[4, 4, 4, 4]))
    assert check(m).ops.count("depthwise_f32") == 1


@pytest.mark.parametrize(
    "attributes", [{"auto_pad": "SAME_UPPER"}, {"auto_pad": "SAME_LOWER"}, {"output_shape": [11, 9]}]
)
def test_the_size_of_a_transposed_convolution_may_be_said(model, check, attributes):
    m = model()
    w = m.random(2, 3, 3, 3)
    m.output(m.node("ConvTranspose", m.input("x", (1, 2, 5, 4)), w, strides=[2, 2], **attributes))
    check(m)


def test_a_transposed_convolution_of_sequences_matches_onnx(model, check):
    m = model()
    m.output(m.node("ConvTranspose", m.input("x", (1, 4, 9)), m.random(4, 6, 4), strides=[2], pads=[1, 1]))
    check(m)


def test_a_transposed_convolution_in_int8_is_convolutions_in_int8(model, check):
    m = model()
    x = m.qdq(m.input("x", (1, 4, 5, 5)), 0.02, 100)
    y = m.node("ConvTranspose", x, m.weights((4, 8, 3, 3), axis=1), strides=[2, 2], pads=[1, 1, 0, 0])
    m.output(m.qdq(y, 0.05, 90))
    result = check(m, atol=0.0501, steps=1)
    assert "conv2d_i8" in result.ops
    assert not any(op.startswith("conv") and op.endswith("f32") for op in result.ops)


@pytest.mark.parametrize(
    ("shape", "attributes", "error", "said"),
    [
        ((2, 3, 3, 3), {"pads": [9, 0, 9, 0]}, ModelError, "output of"),
        ((3, 3, 3, 3), {}, ModelError, "2 channels"),
        ((2, 3, 3), {}, UnsupportedError, "rank 4 with weights"),
        ((2, 3, 3, 3), {"auto_pad": "OTHER"}, ModelError, "auto_pad"),
        (
            (2, 3, 6, 6),
            {"strides": [10, 10], "dilations": [4, 4]},
            UnsupportedError,
            "strides 10 and 10 with",
        ),
        ((2, 3, 1, 1), {"strides": [4096, 4096]}, UnsupportedError, "make 16,777,216 phases; up to 1,024"),
    ],
)
def test_a_transposed_convolution_that_makes_no_sense_is_refused(model, compiled, shape, attributes, error, said):
    m = model()
    m.output(m.node("ConvTranspose", m.input("x", (1, 2, 5, 4)), m.random(*shape), **attributes))
    with pytest.raises(error, match=said):
        compiled(m)


def test_phases_that_a_few_bytes_make_vast_are_refused_before_they_are_made(model, compiled, monkeypatch):
    m = model()
    x, kind = m.input("x", (1, 1, 1, 4)), {"strides": [1, 1024], "dilations": [1, 1024]}
    m.output(m.node("ConvTranspose", x, m.random(1, 2, 1, 4096), **kind))
    monkeypatch.setattr("edgefn.graph.importers.kernel.Kernel.taps", lambda *_: pytest.fail("a copy is made"))
    with pytest.raises(ModelError, match="what the model computes of its constants has more than") as error:
        compiled(m)
    assert error.value.code == "EFN-M008"


@pytest.mark.parametrize(
    ("pads", "folded"),
    [((0, 0, 1, 2, 0, 0, 1, 0), True), ((0, 0, 3, 0, 0, 0, 0, 0), False), ((0, 1, 1, 1, 0, 0, 1, 1), False)],
)
def test_zeros_around_images_go_into_the_window_that_reads_them(model, check, pads, folded):
    m = model()
    x = m.node("Pad", m.input("x", (1, 3, 6, 6)), m.constant(np.array(pads)))
    m.output(m.node("Conv", x, m.random(4, 3 + pads[1], 3, 3)))
    assert ("pad" in check(m).ops) != folded


def test_an_average_counts_zeros_that_were_there(model, check):
    m = model()
    x = m.node("Conv", m.input("x", (1, 3, 6, 6)), m.random(4, 3, 3, 3))
    x = m.node("Pad", x, m.constant(np.array((0, 0, 1, 1, 0, 0, 1, 1))))
    m.output(m.node("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2]))
    assert "pad" not in check(m).ops


def test_zeros_around_quantized_images_go_into_the_window_that_reads_them(model, check):
    m = model()
    x = m.qdq(m.input("x", (1, 3, 6, 6)), 0.02, 110)
    x = m.qdq(m.node("Pad", x, m.constant(np.array((0, 0, 1, 1, 0, 0, 1, 1)))), 0.02, 110)
    m.output(m.qdq(m.node("Conv", x, m.weights((8, 3, 3, 3))), 0.05, 90))
    assert "pad" not in check(m, atol=0.0501, steps=1).ops


@pytest.mark.parametrize(
    "attributes",
    [
        {"kernel_shape": [3, 2], "dilations": [2, 3], "strides": [1, 2]},
        {"kernel_shape": [2, 2], "dilations": [2, 2], "pads": [1, 0, 2, 1], "count_include_pad": 1},
        {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "ceil_mode": 1, "count_include_pad": 1},
        {"kernel_shape": [2, 3], "dilations": [3, 1], "pads": [1, 1, 2, 1]},
    ],
)
@pytest.mark.parametrize("op", ["AveragePool", "MaxPool"])
def test_a_pool_of_odd_windows_matches_onnx(model, check, op, attributes):
    m = model()
    attributes = {k: v for k, v in attributes.items() if op == "AveragePool" or k != "count_include_pad"}
    m.output(m.node(op, m.input("x", (1, 5, 10, 8)), **attributes))
    check(m)


@pytest.mark.parametrize("p", [1, 2, 3, 4])
def test_a_pool_of_norms_matches_onnx(model, check, p):
    m = model()
    m.output(m.node("LpPool", m.input("x", (1, 5, 7, 8)), kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1], p=p))
    check(m)


def test_weights_that_are_computed_of_constants_are_constant(model, check):
    """A weight normalization, as exporters write it: the norm is a reduction that keeps its axes."""
    m = model(18)
    v, g = m.random(5, 3, 4), m.constant(np.linspace(0.5, 2, 5, dtype=np.float32).reshape(5, 1, 1))
    norm = m.node("ReduceL2", v, m.constant(np.array([1, 2])), keepdims=1)
    w = m.node("Mul", v, m.node("Div", g, norm))
    m.output(m.node("Conv", m.input("x", (1, 3, 9)), w))
    assert not {"reduce", "binary"} & set(check(m).ops)
