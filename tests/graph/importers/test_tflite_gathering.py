"""GATHER with batches, GATHER_ND and ONE_HOT, against numpy."""

import numpy as np
import pytest

from edgefn.errors import ModelError

from .operators import Given, Gives, computed, operator

RNG = np.random.default_rng(13)
X = RNG.normal(0, 1, (3, 4, 5, 6)).astype(np.float32)


def indices(high, *shape):
    return RNG.integers(0, high, shape).astype(np.int32)


def by_batch(x, index, batch, axis):
    if batch == 0:
        return np.take(x, index, axis)
    return np.stack([by_batch(a, i, batch - 1, axis - 1) for a, i in zip(x, index, strict=True)])


@pytest.mark.parametrize(("batch", "axis"), [(0, 1), (1, 1), (1, 2), (2, 2), (2, 3), (1, -1), (-1, 2)])
@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_each_batch_has_indices_of_its_own(writer, compiled_tflite, batch, axis, constant, dtype):
    x, scale = (X, None) if dtype == "float32" else ((X * 50).astype(np.int8), (0.1, 3))
    batches = batch if batch >= 0 else 1
    index = indices(x.shape[axis], *x.shape[:batches], 2)
    wanted = by_batch(x, index, batches, axis % 4)
    given = [Given(x, scale), Given(index, constant=constant)]
    fields = {"Axis": axis, "BatchDims": batch}
    model = operator(writer, "GATHER", given, [Gives(dtype, wanted.shape, scale)], "GatherOptions", fields)
    np.testing.assert_array_equal(computed(compiled_tflite(model).plan, given)[0], wanted)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("constant", [False, True])
def test_rows_of_indices_name_elements_or_parts(writer, compiled_tflite, depth, constant):
    index = np.stack([indices(X.shape[i], 2, 3) for i in range(depth)], -1)
    wanted = X[tuple(np.moveaxis(index, -1, 0))]
    given = [Given(X), Given(index, constant=constant)]
    model = operator(writer, "GATHER_ND", given, [Gives("float32", wanted.shape)])
    np.testing.assert_array_equal(computed(compiled_tflite(model).plan, given)[0], wanted)


@pytest.mark.parametrize(
    ("dtype", "on", "off"), [("float32", 1, 0), ("float32", 2.5, -1), ("int32", 7, -2), ("bool", 1, 0)]
)
@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_an_index_becomes_a_row_with_one_entry(writer, compiled_tflite, dtype, on, off, axis):
    index = RNG.integers(-2, 8, (3, 4)).astype(np.int32)
    there = np.moveaxis(index[..., None] == np.arange(6), -1, axis)
    wanted = np.where(there, np.array(on, dtype), np.array(off, dtype))
    given = [
        Given(index),
        *(Given(np.array(v, d), constant=True) for v, d in ((6, "int32"), (on, dtype), (off, dtype))),
    ]
    model = operator(writer, "ONE_HOT", given, [Gives(dtype, wanted.shape)], "OneHotOptions", {"Axis": axis})
    np.testing.assert_array_equal(computed(compiled_tflite(model).plan, given)[0], wanted)


@pytest.mark.parametrize(
    ("op", "given", "options", "fields", "said"),
    [
        (
            "GATHER",
            [Given(X), Given(indices(4, 2, 2))],
            "GatherOptions",
            {"Axis": 1, "BatchDims": 1},
            "with 1 dimensions of batches",
        ),
        ("GATHER", [Given(X), Given(indices(4, 3, 2))], "GatherOptions", {"Axis": 0, "BatchDims": 1}, "along axis 0"),
        (
            "GATHER",
            [Given(X), Given(indices(4, 3, 2))],
            "GatherOptions",
            {"Axis": 1, "BatchDims": -3},
            "with -1 dimensions",
        ),
        ("GATHER_ND", [Given(X), Given(np.array([[9]], np.int32), constant=True)], "", None, r"indices outside \(3,\)"),
        ("GATHER_ND", [Given(X), Given(indices(1, 2, 5))], "", None, r"indices \(2, 5\) into"),
        (
            "ONE_HOT",
            [Given(indices(3, 3)), *(Given(np.array(v, np.int32), constant=True) for v in (0, 1, 0))],
            "OneHotOptions",
            {"Axis": -1},
            "depth",
        ),
    ],
)
def test_indices_of_another_form_are_malformed(writer, compiled_tflite, op, given, options, fields, said):
    with pytest.raises(ModelError, match=said):
        compiled_tflite(operator(writer, op, given, [Gives("float32", (1,))], options, fields))
