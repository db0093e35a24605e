"""Convolutions between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND, which are dilated ones, as converters write them."""

import numpy as np
import pytest

from edgefn.engine.standalone import Runner
from edgefn.graph.plan import read_plan
from edgefn.graph.reference import evaluate

RNG = np.random.default_rng(13)
X, W, Y = 0.02, 0.01, 0.1
POINT = -7


@pytest.fixture
def run(compiled_tflite):
    """The output of a model, which the oracle and the engine must agree on, and the names of its ops."""

    def once(writer, x):
        plan = compiled_tflite(writer).plan
        (found,) = evaluate(read_plan(plan), [x])
        with Runner(plan) as runner:
            np.testing.assert_allclose(np.frombuffer(runner.run([x])[0], found.dtype), found.ravel(), rtol=1e-6)
        return found, [op.code.name for op in read_plan(plan).ops]

    return once


def quantized(writer, value, scale, point=0):
    fields = {"Quantization": writer.quantization([scale], [point])} if value.dtype == np.int8 else {}
    return {"kind": "INT8" if value.dtype == np.int8 else "FLOAT32", **fields}


def written(writer, x, w, block, pads, cut, *, stride=1, sequence=False):
    """The model; x `[N, H, W, C]` with w `[M, kh, kw, C]`, blocks of `block` and borders `pads` and `cut`.

    A sequence is `[N, L, C]`, of which the convolution sees an image one pixel high.
    """
    rank = 1 if sequence else 2
    block, pads, cut = (np.array(v, np.int32)[-rank:] for v in (block, pads, cut))
    like = np.zeros(1, x.dtype)
    source = writer.tensor("x", x.shape, **quantized(writer, x, X, POINT))
    blocks = writer.tensor("block", (rank,), "INT32", block)
    borders = [writer.tensor("borders", (rank, 2), "INT32", v) for v in (pads, cut)]
    signature = {"ShapeSignature": np.array([-1] * x.ndim, np.int32)}
    apart = writer.tensor("apart", x.shape, **quantized(writer, x, X, POINT), **signature)
    writer.op("SPACE_TO_BATCH_ND", [source, blocks, borders[0]], [apart])
    wide = {"ShapeSignature": np.array([-1] * 4, np.int32)}
    image = apart
    if sequence:
        image = writer.tensor("image", (1, 1, *x.shape[1:]), **quantized(writer, x, X, POINT), **wide)
        writer.op("EXPAND_DIMS", [apart, writer.tensor("axis", (), "INT32", np.int32(1))], [image])
    weights = writer.tensor("w", w.shape, constant=w, **quantized(writer, w, W))
    bias = RNG.integers(-900, 900, len(w)).astype(np.int32) if x.dtype == np.int8 else np.zeros(len(w), np.float32)
    added = writer.tensor("b", bias.shape, "INT32" if x.dtype == np.int8 else "FLOAT32", bias)
    made = writer.tensor("made", (1, 1, 1, len(w)), **quantized(writer, like, Y, 3), **wide)
    fields = {"Padding": 1, "StrideH": stride, "StrideW": stride, "FusedActivationFunction": 1}
    writer.op("CONV_2D", [image, weights, added], [made], "Conv2DOptions", fields)
    if sequence:
        narrow = writer.tensor("narrow", (1, 1, len(w)), **quantized(writer, like, Y, 3), **signature)
        writer.op("SQUEEZE", [made], [narrow], "SqueezeOptions", {"SqueezeDims": np.array([1], np.int32)})
        made = narrow
    target = writer.tensor("y", (1,) * (rank + 1) + (len(w),), **quantized(writer, like, Y, 3), **signature)
    writer.op("BATCH_TO_SPACE_ND", [made, blocks, borders[1]], [target])
    writer.subgraph([source], [target])
    return bias


def dilated(x, w, block, pads, cut):
    """`[N, OH, OW, M]` of x `[N, H, W, C]` around zero, of the pixels that are there."""
    wide = np.pad(x, ((0, 0), *pads, (0, 0)))
    sizes = [wide.shape[1 + i] - (w.shape[1 + i] - 1) * block[i] for i in range(2)]
    total = np.zeros((len(x), *sizes, len(w)))
    for i, j in np.ndindex(*w.shape[1:3]):
        part = wide[:, i * block[0] :, j * block[1] :][:, : sizes[0], : sizes[1]]
        total += part @ w[:, i, j].T.astype(float)
    (top, bottom), (left, right) = cut
    return total[:, top : sizes[0] - bottom, left : sizes[1] - right]


CASES = [
    (((2, 2), ((2, 2), (2, 2)), ((0, 0), (0, 0))), (1, 8, 8, 3), (3, 3)),
    (((2, 3), ((0, 0), (0, 0)), ((0, 0), (0, 0))), (2, 8, 9, 3), (3, 2)),
    (((2, 2), ((3, 2), (2, 3)), ((1, 0), (0, 1))), (1, 7, 7, 3), (3, 3)),
]


@pytest.mark.parametrize("dtype", [np.float32, np.int8])
@pytest.mark.parametrize(("borders", "shape", "kernel"), CASES)
def test_a_convolution_of_images_taken_apart_is_a_dilated_one(writer, run, borders, shape, kernel, dtype):
    check(writer, run, borders, shape, kernel, dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.int8])
@pytest.mark.parametrize("pads", [(4, 0), (2, 2)])
def test_a_convolution_of_sequences_taken_apart_is_a_dilated_one(writer, run, pads, dtype):
    check(writer, run, ((1, 2), ((0, 0), pads), ((0, 0), (0, 0))), (2, 1, 10, 3), (1, 3), dtype, sequence=True)


def check(writer, run, borders, shape, kernel, dtype, *, sequence=False):
    i8 = dtype == np.int8
    x, w = (RNG.integers(-127, 128, s).astype(dtype) if i8 else RNG.normal(0, 1, s).astype(dtype)
            for s in (shape, (5, *kernel, shape[3])))  # fmt: skip
    fed = x[:, 0] if sequence else x
    bias = written(writer, fed, w, *borders, sequence=sequence)
    total = dilated(x.astype(float) - (POINT if i8 else 0), w, *borders) + bias
    found, ops = run(writer, fed)
    wanted = np.clip(np.floor(total * (X * W / Y) + 0.5) + 3, 3, 127) if i8 else np.maximum(total, 0)
    np.testing.assert_allclose(found.reshape(wanted.shape), wanted, atol=0 if i8 else 1e-5)
    assert ops == ["conv2d_i8" if i8 else "conv2d_f32"]


def test_windows_behind_the_input_stay_between_their_blocks(writer, run):
    x, w = RNG.normal(0, 1, (1, 8, 8, 3)).astype(np.float32), RNG.normal(0, 1, (5, 3, 3, 3)).astype(np.float32)
    borders = ((2, 2), ((2, 40), (2, 2)), ((0, 0), (0, 0)))
    bias = written(writer, x, w, *borders)
    found, ops = run(writer, x)
    np.testing.assert_allclose(found, np.maximum(dilated(x.astype(float), w, *borders) + bias, 0), atol=1e-5)
    assert len(ops) > 1


def test_a_convolution_with_strides_stays_between_its_blocks(writer, run):
    x, w = RNG.normal(0, 1, (1, 8, 8, 3)).astype(np.float32), RNG.normal(0, 1, (5, 2, 2, 3)).astype(np.float32)
    written(writer, x, w, (2, 2), ((0, 0), (0, 0)), ((0, 0), (0, 0)), stride=2)
    found, ops = run(writer, x)
    apart = x.reshape(1, 4, 2, 4, 2, 3).transpose(2, 4, 0, 1, 3, 5).reshape(4, 4, 4, 3)
    made = dilated(apart, w, (1, 1), ((0, 0), (0, 0)), ((0, 0), (0, 0)))[:, ::2, ::2]
    wanted = made.reshape(2, 2, 1, 2, 2, 5).transpose(2, 3, 0, 4, 1, 5).reshape(1, 4, 4, 5)
    np.testing.assert_allclose(found, np.maximum(wanted, 0), atol=1e-5)
    assert len(ops) > 1
