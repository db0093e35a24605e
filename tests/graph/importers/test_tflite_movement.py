"""TFLite operators that move elements, against numpy written out."""

from functools import partial

import numpy as np
import pytest
from tests.graph.importers import arrays
from tests.graph.importers.operands import SCALE, i32, tensor

from edgefn.errors import ModelError, UnsupportedError

RNG = np.random.default_rng(11)
normal, integers = partial(arrays.normal, RNG), partial(arrays.integers, RNG)


@pytest.fixture
def run(run_tflite):
    return run_tflite


def build(writer, op, inputs, wanted, options="", fields=None):
    """An operator of arrays: the first is the input, the others are constants; `wanted` are its outputs."""
    places = [tensor(writer, f"i{k}", a, constant=k > 0) for k, a in enumerate(inputs)]
    outputs = [tensor(writer, f"o{k}", a) for k, a in enumerate(wanted)]
    writer.op(op, places, outputs, options, fields)
    writer.subgraph(places[:1], outputs)


EITHER = pytest.mark.parametrize("made", [normal, integers], ids=["f32", "i8"])


def hold(run, writer, op, x, constants, wanted, options="", fields=None):
    """The operator gives the arrays `wanted`."""
    wanted = wanted if isinstance(wanted, list) else [wanted]
    build(writer, op, [x, *constants], wanted, options, fields)
    for found, array in zip(run(writer, x), wanted, strict=True):
        np.testing.assert_array_equal(found, array)


@EITHER
@pytest.mark.parametrize(
    ("begin", "end", "stride", "masks", "wanted"),
    [
        ((0, 1, 2), (2, 3, 5), (1, 1, 1), {}, np.s_[0:2, 1:3, 2:5]),
        ((0, 3, -1), (2, 0, 0), (1, -1, -2), {}, np.s_[0:2, 3:0:-1, -1:0:-2]),
        ((9, 1, 9), (9, 9, 9), (1, 2, -1), {"BeginMask": 5, "EndMask": 7}, np.s_[:, 1::2, ::-1]),
        ((1, 0, -2), (2, 4, 0), (1, 1, 1), {"ShrinkAxisMask": 5, "EndMask": 2}, np.s_[1, :, -2]),
        ((0, 2), (0, 4), (1, 1), {"EllipsisMask": 1}, np.s_[..., 2:4]),
        ((0, 0), (0, 0), (1, 1), {"NewAxisMask": 1, "EllipsisMask": 2}, np.s_[None, ...]),
        ((1,), (1,), (1,), {"Offset": True}, np.s_[1:2]),
    ],
)  # fmt: skip
def test_a_strided_slice(writer, run, made, begin, end, stride, masks, wanted):
    x = made(3, 4, 6)
    constants = [i32(*begin), i32(*end), i32(*stride)]
    hold(run, writer, "STRIDED_SLICE", x, constants, x[wanted], "StridedSliceOptions", masks)


@EITHER
def test_a_slice(writer, run, made):
    x = made(3, 4, 6)
    hold(run, writer, "SLICE", x, [i32(1, 0, 2), i32(-1, 3, 4)], x[1:, :3, 2:6])


def test_a_split_has_its_axis_first(writer, run):
    x = normal(2, 6)
    axis = tensor(writer, "axis", i32(1).reshape(()), constant=True)
    source = tensor(writer, "x", x)
    parts = [tensor(writer, "y", x[:, :2]) for _ in range(3)]
    writer.op("SPLIT", [axis, source], parts, "SplitOptions", {"NumSplits": 3})
    writer.subgraph([source], parts)
    np.testing.assert_array_equal(np.concatenate(run(writer, x), 1), x)


@EITHER
def test_a_split_into_parts_of_given_sizes(writer, run, made):
    x = made(2, 7)
    wanted = [x[:, :1], x[:, 1:5], x[:, 5:]]
    fields = {"NumSplits": 3}
    hold(run, writer, "SPLIT_V", x, [i32(1, -1, 2), i32(1).reshape(())], wanted, "SplitVOptions", fields)


@EITHER
def test_unpack_and_pack_are_inverse(writer, run, made):
    x = made(2, 3, 4)
    source, parts = tensor(writer, "x", x), [tensor(writer, "part", x[:, 0]) for _ in range(3)]
    target = tensor(writer, "y", x.swapaxes(0, 1))
    writer.op("UNPACK", [source], parts, "UnpackOptions", {"Num": 3, "Axis": 1})
    writer.op("PACK", parts, [target], "PackOptions", {"ValuesCount": 3, "Axis": 0})
    writer.subgraph([source], [target])
    np.testing.assert_array_equal(run(writer, x)[0], x.swapaxes(0, 1))


def test_an_unpack_into_fewer_parts_than_it_has_is_refused_before_they_are_made(writer, compiled_tflite, monkeypatch):
    monkeypatch.setattr("edgefn.graph.importers.builder.MAX_EMITTED", 8)
    source, part = tensor(writer, "x", normal(100_000)), tensor(writer, "y", normal())
    writer.op("UNPACK", [source], [part], "UnpackOptions", {"Num": 100_000, "Axis": 0})
    writer.subgraph([source], [part])
    with pytest.raises(ModelError, match=r"100000 slices of axis 0 of .* for 1 outputs") as error:
        compiled_tflite(writer)
    assert error.value.code == "EFN-M006"


@EITHER
def test_a_reverse(writer, run, made):
    x = made(2, 3, 4)
    hold(run, writer, "REVERSE_V2", x, [i32(1, -1)], x[:, ::-1, ::-1])


@EITHER
def test_a_tile(writer, run, made):
    x = made(2, 3, 4)
    hold(run, writer, "TILE", x, [i32(2, 1, 3)], np.tile(x, (2, 1, 3)))


@EITHER
def test_a_broadcast(writer, run, made):
    x = made(3, 1)
    hold(run, writer, "BROADCAST_TO", x, [i32(2, 3, 4)], np.broadcast_to(x, (2, 3, 4)))


@EITHER
def test_a_pad_puts_what_means_zero_around(writer, run, made):
    x = made(2, 3)
    zero = SCALE[1] if x.dtype == np.int8 else 0
    hold(run, writer, "PAD", x, [i32(1, 0, 2, 1).reshape(2, 2)], np.pad(x, ((1, 0), (2, 1)), constant_values=zero))


@EITHER
def test_a_pad_of_another_value(writer, run, made):
    x = made(2, 3)
    value = np.array(7, x.dtype)
    hold(run, writer, "PADV2", x, [i32(1, 0, 2, 1).reshape(2, 2), value],
         np.pad(x, ((1, 0), (2, 1)), constant_values=value))  # fmt: skip


@EITHER
@pytest.mark.parametrize(("code", "mode"), [(0, "reflect"), (1, "symmetric")])
def test_a_pad_that_mirrors(writer, run, made, code, mode):
    x = made(3, 4)
    widths = [(1, 2), (0, 3)]
    hold(run, writer, "MIRROR_PAD", x, [np.array(widths, np.int32)], np.pad(x, widths, mode), "MirrorPadOptions",
         {"Mode": code})  # fmt: skip


@EITHER
def test_a_gather_by_constant_indices(writer, run, made):
    x = made(3, 4)
    indices = i32(3, 0, 0, 2).reshape(2, 2)
    hold(run, writer, "GATHER", x, [indices], x[:, indices], "GatherOptions", {"Axis": 1})


@EITHER
def test_the_best_are_found(writer, run, made):
    x = made(2, 3, 7)
    order = np.argsort(-x.astype(np.float64), axis=-1, kind="stable")[..., :4]
    wanted = [np.take_along_axis(x, order, -1), order.astype(np.int32)]
    hold(run, writer, "TOPK_V2", x, [i32(4).reshape(())], wanted)


@pytest.mark.parametrize("kind", ["FLOAT32", "INT8"])
def test_an_embedding_is_looked_up(writer, run, kind):
    table = normal(9, 4) if kind == "FLOAT32" else integers(9, 4)
    ids = writer.tensor("ids", (3,), "INT32")
    held = tensor(writer, "table", table, constant=True, scale=(0.5, 0))
    target = writer.tensor("y", (3, 4))
    writer.op("EMBEDDING_LOOKUP", [ids, held], [target])
    writer.subgraph([ids], [target])
    wanted = (table * np.float32(0.5 if kind == "INT8" else 1))[[8, 0, 2]]
    np.testing.assert_array_equal(run(writer, i32(8, 0, 2))[0], wanted)


@EITHER
@pytest.mark.parametrize(("corners", "half"), [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("sizes", [(6, 8), (5, 3), (2, 9)])
def test_a_resize_to_the_nearest(writer, run, made, corners, half, sizes):
    x = made(1, 3, 4, 2)
    places = []
    for n, size in zip(x.shape[1:3], sizes):
        scale = (n - 1) / (size - 1) if corners else n / size
        at = (np.arange(size) + (0.5 if half else 0)) * scale
        places.append(np.clip(np.floor(at + 0.5) if corners else np.floor(at), 0, n - 1).astype(int))
    wanted = x[:, places[0]][:, :, places[1]]
    fields = {"AlignCorners": corners, "HalfPixelCenters": half}
    hold(run, writer, "RESIZE_NEAREST_NEIGHBOR", x, [i32(*sizes)], wanted, "ResizeNearestNeighborOptions", fields)


@pytest.mark.parametrize(("corners", "half"), [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("sizes", [(6, 8), (5, 3), (2, 9)])
def test_a_resize_between_neighbours(writer, run, corners, half, sizes):
    x = normal(1, 3, 4, 2)
    wanted = x.astype(np.float64)
    for axis, size in zip((1, 2), sizes):
        n = x.shape[axis]
        scale = (n - 1) / (size - 1) if corners else n / size
        at = (np.arange(size) + 0.5) * scale - 0.5 if half else np.arange(size) * scale
        low, high = np.clip(np.floor(at), 0, None).astype(int), np.clip(np.ceil(at), 0, n - 1).astype(int)
        part = (at - low).reshape([-1 if i == axis else 1 for i in range(4)])
        wanted = wanted.take(low, axis) * (1 - part) + wanted.take(high, axis) * part
    fields = {"AlignCorners": corners, "HalfPixelCenters": half}
    build(writer, "RESIZE_BILINEAR", [x, i32(*sizes)], [wanted.astype(np.float32)], "ResizeBilinearOptions", fields)
    np.testing.assert_allclose(run(writer, x)[0], wanted, atol=1e-6)


@pytest.mark.parametrize(("corners", "half"), [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("sizes", [(6, 8), (5, 3), (2, 9), (1, 1)])
def test_a_resize_of_integers_is_tflites_fixed_point(writer, run, corners, half, sizes):
    x = integers(2, 3, 4, 11)
    sides = []
    for n, size in zip(x.shape[1:3], sizes):
        edge = int(corners and size > 1)
        scale = (1024 * (n - edge) + (size - edge) // 2) // (size - edge)
        at = [v * scale + (scale // 2 - 512 if half else 0) for v in range(size)]
        first = [max(int(v / 1024), 0) for v in at]
        sides.append([(v - 1024 * f, f, min(int((v + 1023) / 1024), n - 1)) for v, f in zip(at, first)])
    wanted = np.zeros((2, *sizes, 11), np.int8)
    for i, (p, above, below) in enumerate(sides[0]):
        for j, (q, left, right) in enumerate(sides[1]):
            weighed = ((1024 - p) * (1024 - q), above, left), (p * (1024 - q), below, left)
            weighed += ((1024 - p) * q, above, right), (p * q, below, right)
            total = sum(weight * x[:, r, c].astype(np.int64) for weight, r, c in weighed)
            wanted[:, i, j] = np.trunc((total + np.where(total > 0, 2**19, -(2**19))) / 2**20)
    fields = {"AlignCorners": corners, "HalfPixelCenters": half}
    hold(run, writer, "RESIZE_BILINEAR", x, [i32(*sizes)], wanted, "ResizeBilinearOptions", fields)


@EITHER
def test_depth_to_space_and_back(writer, run, made):
    x = made(2, 3, 4, 8)
    wide = x.reshape(2, 3, 4, 2, 2, 2).transpose(0, 1, 3, 2, 4, 5).reshape(2, 6, 8, 2)
    source, middle, target = tensor(writer, "x", x), tensor(writer, "m", wide), tensor(writer, "y", x)
    writer.op("DEPTH_TO_SPACE", [source], [middle], "DepthToSpaceOptions", {"BlockSize": 2})
    writer.op("SPACE_TO_DEPTH", [middle], [target], "SpaceToDepthOptions", {"BlockSize": 2})
    writer.subgraph([source], [middle, target])
    found = run(writer, x)
    np.testing.assert_array_equal(found[0], wide)
    np.testing.assert_array_equal(found[1], x)


def test_what_is_known_of_shapes_is_constant(writer, run):
    x = normal(2, 3)
    source = tensor(writer, "x", x)
    shape, rank = writer.tensor("shape", (2,), "INT32"), writer.tensor("rank", (), "INT32")
    zeros, ones = tensor(writer, "zeros", x), tensor(writer, "ones", x)
    one = tensor(writer, "one", np.array(1, np.float32), constant=True)
    bounds = [tensor(writer, "n", np.array(v, np.int32), constant=True) for v in (2, 9, 3)]
    steps = writer.tensor("steps", (3,), "INT32")
    writer.op("SHAPE", [source], [shape], "ShapeOptions", {"OutType": 2})
    writer.op("RANK", [source], [rank])
    writer.op("ZEROS_LIKE", [source], [zeros])
    writer.op("FILL", [shape, one], [ones])
    writer.op("RANGE", bounds, [steps])
    writer.subgraph([source], [shape, rank, zeros, ones, steps])
    for found, wanted in zip(run(writer, x), [(2, 3), 2, np.zeros((2, 3)), np.ones((2, 3)), (2, 5, 8)], strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_a_fill_of_a_value_of_the_run(writer, run):
    x = np.array([2.5], np.float32)
    dims, source = tensor(writer, "dims", i32(2, 3), constant=True), tensor(writer, "x", x)
    target = tensor(writer, "y", np.zeros((2, 3), np.float32))
    writer.op("FILL", [dims, source], [target])
    writer.subgraph([source], [target])
    np.testing.assert_array_equal(run(writer, x)[0], np.full((2, 3), 2.5))


@pytest.mark.parametrize(
    ("op", "constants", "options", "fields", "error", "said"),
    [
        ("GATHER", [i32(4)], "GatherOptions", {"Axis": 1}, ModelError, "indices from 4 to 4 of 4"),
        ("SLICE", [i32(0, 0), i32(3, 5)], "", None, ModelError, "sizes"),
        ("TILE", [i32(1)], "", None, ModelError, "multiples"),
        ("MIRROR_PAD", [i32(9, 0, 0, 0).reshape(2, 2)], "MirrorPadOptions", None, ModelError, "paddings 9 and 0"),
        ("STRIDED_SLICE", [i32(0), i32(1), i32(0)], "StridedSliceOptions", None, ModelError, "entry 0"),
        ("BROADCAST_TO", [i32(5, 4)], "", None, ModelError, "does not broadcast"),
        ("REVERSE_V2", [i32(2)], "", None, ModelError, "axis 2"),
    ],
)
def test_what_makes_no_sense_is_refused(writer, compiled_tflite, op, constants, options, fields, error, said):
    build(writer, op, [normal(3, 4), *constants], [normal(3, 4)], options, fields)
    with pytest.raises(error, match=said):
        compiled_tflite(writer)


def test_parts_of_another_quantization_are_refused_as_tflite_does(writer, compiled_tflite):
    x = integers(2, 3)
    parts = [tensor(writer, "a", x), tensor(writer, "b", x, scale=(0.1, 0))]
    target = tensor(writer, "y", np.concatenate([x, x]))
    writer.op("CONCATENATION", parts, [target], "ConcatenationOptions")
    writer.subgraph(parts, [target])
    with pytest.raises(UnsupportedError, match="quantized differently"):
        compiled_tflite(writer)


def test_elements_that_are_moved_mean_what_the_output_says(writer, run):
    """As in TFLite's kernels: a reversal gives the bytes another scale."""
    x, axis = integers(2, 3), tensor(writer, "axis", i32(1), constant=True)
    source, target = tensor(writer, "x", x), tensor(writer, "y", x, scale=(0.1, 5))
    writer.op("REVERSE_V2", [source, axis], [target])
    writer.subgraph([source], [target])
    np.testing.assert_array_equal(run(writer, x)[0], x[:, ::-1])
