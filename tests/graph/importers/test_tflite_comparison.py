"""TFLite's comparisons, logic, SELECT and CAST, against numpy; i8 as LiteRT's reference kernels compare it."""

import hashlib

import numpy as np
import pytest

from edgefn.errors import ModelError

from .operators import Given, Gives, computed, operator

RNG = np.random.default_rng(12)
BYTES = np.arange(-128, 128).astype(np.int8)
COMPARISONS = {
    "EQUAL": np.equal,
    "NOT_EQUAL": np.not_equal,
    "GREATER": np.greater,
    "GREATER_EQUAL": np.greater_equal,
    "LESS": np.less,
    "LESS_EQUAL": np.less_equal,
}


def run(writer, compiled_tflite, op, given, dtype, wanted, scale=None):
    (found,) = computed(compiled_tflite(operator(writer, op, given, [Gives(dtype, wanted.shape, scale)])).plan, given)
    np.testing.assert_array_equal(found, wanted.astype(found.dtype))


@pytest.mark.parametrize("op", COMPARISONS)
@pytest.mark.parametrize("dtype", ["float32", "int32", "int64"])
@pytest.mark.parametrize(("left", "right"), [((3, 4), (3, 4)), ((3, 1), (4,)), ((2, 3), ())])
def test_numbers_are_compared_as_numpy_does(writer, compiled_tflite, op, dtype, left, right):
    a, b = (RNG.integers(-3, 4, shape).astype(dtype) for shape in (left, right))
    given = [Given(np.asarray(a)), Given(np.asarray(b))]
    run(writer, compiled_tflite, op, given, "bool", COMPARISONS[op](a, b))


# The beginning of the digest of what LiteRT 2.3 gives (BUILTIN_REF) for all pairs: small scales make bytes equal.
@pytest.mark.parametrize(
    ("op", "a", "b", "digest"),
    [
        ("LESS", (0.001, 5), (0.0015, 3), "67fef7c852e26e79"),
        ("EQUAL", (0.001, 5), (0.0015, 3), "ed21cae5b274174a"),
        ("LESS", (0.3, 0), (0.2, 4), "e8a4a82edc86ddd7"),
        ("EQUAL", (0.3, 0), (0.2, 4), "157b1aa851e712d3"),
    ],
)
def test_bytes_are_compared_as_the_reference_kernels_do(writer, compiled_tflite, op, a, b, digest):
    given = [Given(BYTES[:, None].copy(), a), Given(BYTES[None].copy(), b)]
    (found,) = computed(compiled_tflite(operator(writer, op, given, [Gives("bool", (256, 256))])).plan, given)
    assert hashlib.sha256(found.tobytes()).hexdigest().startswith(digest)


def truths(*shape):
    return RNG.integers(0, 2, shape).astype(bool)


@pytest.mark.parametrize(
    ("op", "function"), [("LOGICAL_AND", np.logical_and), ("LOGICAL_OR", np.logical_or), ("EQUAL", np.equal)]
)
def test_truths_are_joined(writer, compiled_tflite, op, function):
    a, b = truths(3, 4), truths(4)
    run(writer, compiled_tflite, op, [Given(a), Given(b)], "bool", function(a, b))


def test_a_truth_is_turned_round(writer, compiled_tflite):
    a = truths(3, 4)
    run(writer, compiled_tflite, "LOGICAL_NOT", [Given(a)], "bool", ~a)


@pytest.mark.parametrize("dtype", ["float32", "int32", "int8", "bool"])
def test_elements_are_chosen(writer, compiled_tflite, dtype):
    scale = (0.1, 3) if dtype == "int8" else None
    condition, a, b = truths(3, 1), RNG.integers(0, 2, (3, 4)).astype(dtype), RNG.integers(0, 2, (1,)).astype(dtype)
    given = [Given(condition), Given(a, scale), Given(b, scale, constant=True)]
    run(writer, compiled_tflite, "SELECT_V2", given, dtype, np.where(condition, a, b), scale)


def test_rows_are_chosen(writer, compiled_tflite):
    condition, a, b = truths(3), RNG.normal(0, 1, (3, 4)).astype(np.float32), np.zeros((3, 4), np.float32)
    given = [Given(condition), Given(a), Given(b)]
    run(writer, compiled_tflite, "SELECT", given, "float32", np.where(condition[:, None], a, b))


@pytest.mark.parametrize("source", ["float32", "int32", "int64", "int8", "uint8", "bool"])
@pytest.mark.parametrize("target", ["float32", "int32", "int64", "int8", "uint8", "bool"])
def test_numbers_change_their_type(writer, compiled_tflite, source, target):
    x = (RNG.random((3, 4)) * 3).astype(source)
    run(writer, compiled_tflite, "CAST", [Given(x)], target, x.astype(target))


@pytest.mark.parametrize(
    ("op", "given", "gives", "kind", "said"),
    [
        (
            "LESS",
            [Given(BYTES, (0.1, 3)), Given(np.zeros(256, np.float32))],
            Gives("bool", (256,)),
            ModelError,
            "operands of i8 and f32",
        ),
        ("LOGICAL_AND", [Given(BYTES), Given(BYTES)], Gives("bool", (256,)), ModelError, "not bool"),
        ("LOGICAL_OR", [Given(truths(3))], Gives("bool", (3,)), ModelError, "1 inputs"),
        (
            "SELECT",
            [Given(BYTES), Given(BYTES, (0.1, 3)), Given(BYTES, (0.1, 3))],
            Gives("int8", (256,), (0.1, 3)),
            ModelError,
            "a condition of i8",
        ),
    ],
)
def test_operands_of_another_form_are_refused(writer, compiled_tflite, op, given, gives, kind, said):
    with pytest.raises(kind, match=said):
        compiled_tflite(operator(writer, op, given, [gives]))
