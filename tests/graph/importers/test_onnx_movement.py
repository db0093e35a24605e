"""ONNX ops that move elements, compiled and compared with ONNX's reference evaluator and with the engine."""

import numpy as np
import pytest

from edgefn.errors import ModelError, UnsupportedError
from edgefn.graph.plan import read_plan
from edgefn.graph.reference import evaluate


def integers(*values):
    return np.array(values, np.int64)


@pytest.mark.parametrize(
    ("starts", "ends", "axes", "steps"),
    [
        ([1], [3], None, None),
        ([1, 2], [5, 7], [0, 2], [1, 1]),
        ([0, -1], [2**31 - 1, -(2**31)], [1, 2], [2, -1]),
        ([-3, 5], [-1, 0], [-1, 1], [1, -2]),
        ([100], [-100], [2], [-3]),
    ],
)
def test_a_slice_matches_onnx(model, check, starts, ends, axes, steps):
    m = model()
    more = [m.constant(integers(*v)) if v else "" for v in (axes, steps)]
    y = m.node("Slice", m.input("x", (4, 6, 8)), m.constant(integers(*starts)), m.constant(integers(*ends)), *more)
    m.output(y)
    assert check(m).ops == ["strided"]


def test_a_slice_of_old_opsets_has_attributes(model, check):
    m = model(opset=9)
    m.output(m.node("Slice", m.input("x", (4, 6, 8)), starts=[1, -4], ends=[9, 7], axes=[0, 2]))
    check(m)


def test_a_slice_that_takes_everything_is_nothing(model, check):
    m = model()
    y = m.node("Slice", m.input("x", (4, 6)), m.constant(integers(0)), m.constant(integers(99)))
    m.output(m.node("Relu", y))
    assert check(m).ops == ["clamp_f32"]


def test_a_slice_that_takes_nothing_is_refused(model, compiled):
    m = model()
    m.output(m.node("Slice", m.input("x", (4, 6)), m.constant(integers(3)), m.constant(integers(2))))
    with pytest.raises(ModelError, match="0x6, which is empty"):
        compiled(m)


def outputs(m, op, count, *inputs, **attributes):
    m.node(op, *inputs, outputs=count, **attributes)
    for i in range(count):
        m.output(f"t{len(m.nodes) - 1}_{i}")


@pytest.mark.parametrize("opset", [11, 13, 18])
def test_a_split_matches_onnx(model, check, opset):
    m = model(opset=opset)
    x = m.input("x", (3, 7, 4))
    if opset < 13:
        outputs(m, "Split", 3, x, axis=1, split=[2, 1, 4])
    else:
        outputs(m, "Split", 3, x, m.constant(integers(2, 1, 4)), axis=-2)
    assert check(m).ops == ["strided"] * 3


@pytest.mark.parametrize("lengths", [[4, 4, 4], [3, 3, 3], [1, 4, 2], [0, 1, 0]])
@pytest.mark.parametrize(("time", "batch"), [(0, 1), (1, 0)])
def test_sequences_are_turned_round_up_to_their_lengths(model, check, lengths, time, batch):
    m = model()
    x = m.input("x", (4, 3, 2) if batch else (3, 4, 2))
    y = m.node("ReverseSequence", x, m.constant(np.array(lengths)), time_axis=time, batch_axis=batch)
    m.output(m.node("Neg", y))
    check(m)


@pytest.mark.parametrize(
    ("lengths", "axes"), [([1, 2], {}), ([1, 2, 5], {}), ([1, 2, -1], {}), ([1, 2, 3], {"time_axis": 1})]
)
def test_lengths_and_axes_that_do_not_fit_a_batch_are_malformed(model, compiled, lengths, axes):
    m = model()
    m.output(m.node("ReverseSequence", m.input("x", (4, 3, 2)), m.constant(np.array(lengths)), **axes))
    with pytest.raises(ModelError, match="ReverseSequence"):
        compiled(m)


def test_a_split_into_equal_parts_matches_onnx(model, check):
    m = model()
    outputs(m, "Split", 3, m.input("x", (2, 8)), axis=1, num_outputs=3)
    assert [o.shape for o in check(m).outputs] == [(2, 3), (2, 3), (2, 2)]


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 1, 4), (5, 2, 3, 4), (1,), (3, 1)])
def test_an_expand_matches_onnx(model, check, shape):
    m = model()
    m.output(m.node("Expand", m.input("x", (2, 1, 4)), m.constant(integers(*shape))))
    check(m)


@pytest.mark.parametrize("counts", [(1, 1, 1, 1), (2, 1, 1, 3), (2, 3, 2, 2)])
@pytest.mark.parametrize("dtype", ["f32", "u8"])
def test_a_tile_matches_onnx(model, check, counts, dtype):
    m = model()
    m.output(m.node("Tile", m.input("x", (2, 1, 3, 2), dtype), m.constant(integers(*counts))), dtype)
    check(m)


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge", "wrap"])
@pytest.mark.parametrize("pads", [(0, 1, 2, 3, 0, 1), (0, 0, 3, 0, 2, 0), (0, 0, 0, 0, 0, 0)])
def test_a_pad_matches_onnx(model, check, mode, pads):
    m = model()
    value = [m.constant(np.float32(1.5))] if mode == "constant" else []
    m.output(m.node("Pad", m.input("x", (2, 4, 5)), m.constant(integers(*pads)), *value, mode=mode))
    check(m)


@pytest.mark.parametrize("value", [None, 17])
def test_a_pad_around_integers_that_were_just_quantized_matches_onnx(model, check, value):
    m = model()
    q = (m.constant(np.float32(0.02)), m.constant(np.uint8(100)))
    x = m.node("QuantizeLinear", m.input("x", (1, 2, 3, 4)), *q)
    around = [m.constant(np.uint8(value))] if value else []
    y = m.node("Pad", x, m.constant(np.array([0, 0, 1, 2, 0, 1, 0, 1])), *around)
    m.output(m.node("DequantizeLinear", y, *q))
    check(m)


def test_a_pad_with_a_quantized_value_matches_onnx(model, check):
    m = model()
    x = m.qdq(m.input("x", (1, 2, 3, 4)), 0.02, 100)
    around = m.node("DequantizeLinear", *map(m.constant, (np.uint8(90), np.float32(0.02), np.uint8(100))))
    m.output(m.qdq(m.node("Pad", x, m.constant(np.array([0, 0, 1, 2, 0, 1, 0, 1])), around), 0.02, 100))
    check(m)


def test_a_pad_of_some_axes_matches_onnx(model, check):
    m = model()
    pads, axes = m.constant(integers(1, 2, 0, 3)), m.constant(integers(-1, 0))
    m.output(m.node("Pad", m.input("x", (2, 4, 5)), pads, "", axes))
    assert check(m).outputs[0].shape == (7, 4, 6)


def test_negative_pads_cut_off(model, compiled):
    m = model()
    m.output(m.node("Pad", m.input("x", (5, 6)), m.constant(integers(-1, 2, 0, -3))))
    x = np.arange(30, dtype=np.float32).reshape(5, 6)
    (found,) = evaluate(read_plan(compiled(m).plan), [x])  # ONNX's reference evaluator does not take negative pads
    np.testing.assert_array_equal(found, np.pad(x[1:, :3], ((0, 0), (2, 0))))


def test_a_pad_of_old_opsets_has_attributes(model, check):
    m = model(opset=9)
    m.output(m.node("Pad", m.input("x", (3, 4)), pads=[1, 0, 0, 2], value=2.5))
    assert check(m).ops == ["pad"]


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("indices", [2, [0, -1], [[1, 0], [-2, 2]]])
def test_a_gather_by_constant_indices_matches_onnx(model, check, axis, indices):
    m = model()
    m.output(m.node("Gather", m.input("x", (3, 4, 5)), m.constant(np.array(indices)), axis=axis))
    check(m)


def test_an_embedding_is_gathered_by_indices_of_the_run(model, check):
    m = model()
    m.output(m.node("Gather", m.random(7, 5), m.input("ids", (2, 3), "i64")))
    assert check(m, inputs=[integers(0, 6, 3, -7, -1, 2).reshape(2, 3)]).ops == ["gather"]


@pytest.mark.parametrize("dtype", ["i8", "u8"])
def test_an_embedding_in_int8_is_dequantized_after_it_was_gathered(model, check, dtype):
    m = model()
    table = m.weights((40, 5), axis=None, dtype=dtype, low=-127 if dtype == "i8" else 0, zero=3)
    m.output(m.node("Gather", table, m.input("ids", (2, 3), "i64")))
    result = check(m, inputs=[integers(0, 6, 3, 39, 1, 2).reshape(2, 3)])
    assert result.ops == ["gather", "dequantize_i8_f32"]
    assert len(result.plan.weights) < 300


def test_elements_are_gathered_by_constant_indices(model, check):
    m = model()
    m.output(m.node("GatherElements", m.input("x", (3, 4)), m.constant(np.array([[0, -1], [1, 1], [3, 2]])), axis=1))
    check(m)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_elements_are_gathered_by_indices_of_the_run(model, check, axis):
    m = model()
    shape = [3, 4, 5]
    shape[axis] = 2
    m.output(m.node("GatherElements", m.input("x", (3, 4, 5)), m.input("i", shape, "i64"), axis=axis))
    rng = np.random.default_rng(axis)
    check(m, inputs=[rng.normal(0, 1, (3, 4, 5)).astype(np.float32), rng.integers(-3, 3, shape)])


@pytest.mark.parametrize("axis", [-1, 0, 1])
@pytest.mark.parametrize("largest", [0, 1])
@pytest.mark.parametrize("dtype", ["f32", "i64"])
def test_the_best_are_found_as_onnx_finds_them(model, check, axis, largest, dtype):
    m = model()
    outputs(m, "TopK", 2, m.input("x", (4, 5, 6), dtype), m.constant(integers(3)), axis=axis, largest=largest)
    m.outputs[0].type.tensor_type.elem_type = 1 if dtype == "f32" else 7
    m.outputs[1].type.tensor_type.elem_type = 7
    check(m, inputs=[np.random.default_rng(1).integers(-9, 9, (4, 5, 6)).astype(np.float32)])


@pytest.mark.parametrize(
    ("indices", "batch"), [([[0, 1], [2, -1]], 0), ([[1], [0]], 0), ([[[1], [0]], [[3], [2]], [[0], [0]]], 1)]
)
def test_rows_are_gathered_by_constant_indices(model, check, indices, batch):
    m = model()
    m.output(m.node("GatherND", m.input("x", (3, 4, 5)), m.constant(np.array(indices)), batch_dims=batch))
    check(m)


def test_rows_are_gathered_by_indices_of_the_run(model, check):
    m = model()
    m.output(m.node("GatherND", m.input("x", (3, 4)), m.input("i", (2, 2, 1), "i64")))
    check(m, inputs=[np.ones((3, 4), np.float32), integers(0, 2, 1, 1).reshape(2, 2, 1)])


def test_elements_are_scattered_to_constant_places(model, check):
    m = model()
    indices = m.constant(np.array([[0, 2, -1], [1, 0, 3]]))
    m.output(m.node("ScatterElements", m.input("x", (3, 4)), indices, m.input("u", (2, 3)), axis=1))
    check(m)


def test_rows_are_scattered_to_constant_places(model, check):
    m = model()
    m.output(m.node("ScatterND", m.input("x", (3, 4)), m.constant(np.array([[2], [0]])), m.input("u", (2, 4))))
    check(m)


def test_a_reduction_while_scattering_is_refused(model, compiled):
    m = model()
    x = m.input("x", (3, 4))
    m.output(m.node("ScatterND", x, m.constant(np.array([[2]])), m.random(1, 4), reduction="add"))
    with pytest.raises(UnsupportedError, match="reduction 'add'"):
        compiled(m)


def folded(m, check, y, dtype="i64"):
    """Hold the value of `y`, which must be a constant."""
    m.output(y, dtype)
    m.output(m.node("Relu", m.input("x", (1, 2))))
    result = check(m)
    assert set(result.ops) <= {"clamp_f32", "copy"}


@pytest.mark.parametrize(
    "build",
    [
        lambda m, c: m.node("Size", c),
        lambda m, c: m.node("Range", *(m.constant(np.int64(v)) for v in (10, 0, -3))),
        lambda m, c: m.node("Expand", c, m.constant(integers(2, 3, 4))),
        lambda m, c: m.node("Tile", c, m.constant(integers(2, 1))),
        lambda m, c: m.node("Pad", c, m.constant(integers(1, 0, 0, 2)), m.constant(np.int64(9))),
        lambda m, c: m.node("Pad", c, m.constant(integers(1, 0, 0, 2)), mode="reflect"),
        lambda m, c: m.node("Slice", c, *(m.constant(integers(v)) for v in (-1, 0, 1, -2))),
        lambda m, c: m.node("Split", c, axis=1, num_outputs=2, outputs=2),
        lambda m, c: m.node("GatherElements", c, m.constant(np.array([[1, 0, -1, 2]])), axis=0),
        lambda m, c: m.node("GatherND", c, m.constant(np.array([[1, 0]]))),
        lambda m, c: m.node("ScatterElements", c, m.constant(np.array([[1]])), m.constant(np.array([[50]]))),
        lambda m, c: m.node("ScatterND", c, m.constant(np.array([[1]])), m.constant(np.array([[50, 51, 52, 53]]))),
        lambda m, c: m.node("OneHot", c, m.constant(np.int64(5)), m.constant(integers(2, 7)), axis=1),
        lambda m, c: m.node("Trilu", c, m.constant(np.int64(1))),
        lambda m, c: m.node("Trilu", c, upper=0),
        lambda m, c: m.node("EyeLike", c, k=1),
        lambda m, c: m.node("NonZero", c),
        lambda m, c: m.node("Compress", c, m.constant(np.array([True, False, True])), axis=1),
    ],
)
def test_what_depends_on_constants_only_is_computed_at_import(model, check, build):
    m = model()
    folded(m, check, build(m, m.constant(np.arange(12).reshape(3, 4))))


@pytest.mark.parametrize("op", ["Size", "EyeLike"])
def test_what_depends_on_a_shape_only_is_computed_at_import(model, check, op):
    m = model()
    y = m.node(op, m.input("a", (3, 4)))
    m.output(y, "i64" if op == "Size" else "f32")
    assert check(m).ops == ["copy"]


def test_images_stay_nhwc_through_what_moves_them(model, check):
    """One transpose at each end: slices, pads, gathers and tiles between two convolutions move none of them."""
    m = model()
    x = m.node("Conv", m.input("x", (1, 3, 8, 8)), m.random(4, 3, 3, 3))
    x = m.node("Slice", x, m.constant(integers(1, 0)), m.constant(integers(4, 6)), m.constant(integers(1, 3)))
    x = m.node("Pad", x, m.constant(integers(0, 1, 0, 2, 0, 0, 1, 0)), mode="reflect")
    x = m.node("Pad", x, m.constant(integers(0, 1, 0, 2, 0, 0, 1, 0)))
    x = m.node("Tile", x, m.constant(integers(1, 2, 1, 1)))
    m.output(m.node("Conv", x, m.random(2, 10, 3, 3)))
    assert check(m).ops.count("transpose") == 2


def test_a_quantize_moves_up_through_what_moves_elements(model, check):
    m = model()
    x = m.qdq(m.input("x", (1, 4, 8, 8)), 0.02, 110)
    x = m.node("Slice", x, m.constant(integers(1)), m.constant(integers(4)), m.constant(integers(2)))
    x = m.qdq(m.node("Pad", x, m.constant(integers(0, 0, 1, 1, 0, 0, 1, 1))), 0.02, 110)
    m.output(x)
    result = check(m, atol=0.0201)
    assert result.ops == ["quantize_f32_i8", "strided", "pad", "dequantize_i8_f32"]


def test_a_constant_that_32_bits_do_not_hold_is_not_given_out(model, compiled):
    m = model()
    m.output(m.node("Relu", m.input("x", (1, 4))))
    m.output(m.node("Identity", m.constant(np.array([3, 2**33 + 5]))), "i64")
    with pytest.raises(UnsupportedError, match="reaches from 3 to 8589934597; integers are computed in 32") as error:
        compiled(m)
    assert error.value.code == "EFN-M011"
