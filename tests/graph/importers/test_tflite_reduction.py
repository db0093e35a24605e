"""TFLite's reductions: means of i8 as LiteRT's reference kernels have them, everything else as numpy."""

import hashlib
from itertools import product

import numpy as np
import pytest

from edgefn.errors import ModelError, UnsupportedError
from edgefn.graph.plan import read_plan

from .operators import Given, Gives, computed, operator

RNG = np.random.default_rng(10)
BYTES = (np.arange(2 * 9 * 7 * 20) * 37 % 256 - 128).astype(np.int8).reshape(2, 9, 7, 20)
X, Y = (0.05, 3), (0.013, -70)


def along(*axes, constant=True):
    return Given(np.array(axes, np.int32), constant=constant)


def left(shape, axes, keep):
    kept = tuple(1 if i in axes else d for i, d in enumerate(shape))
    return kept if keep else tuple(d for i, d in enumerate(shape) if i not in axes)


# The beginning of the digest of what LiteRT 2.3 gives (BUILTIN_REF).
@pytest.mark.parametrize(
    ("axes", "y", "digest"),
    [
        ((1, 2), X, "19ce0027a21547e5"),
        ((1, 2), Y, "7cdd5675b9e5b324"),
        ((3,), X, "1d0416c2b9718d93"),
        ((3,), Y, "1b69b81d2b43078a"),
        ((0, 2), X, "06dc9dfbdfc7aa61"),
        ((0, 2), Y, "fe4c1cb95afb0070"),
        ((0, 1, 2, 3), X, "a8100ae6aa1940d0"),
        ((0, 1, 2, 3), Y, "ee6bb86b44339392"),
        ((2,), X, "8272c62337604c7f"),
        ((2,), Y, "ba3448173a41fc12"),
    ],
)
@pytest.mark.parametrize("keep", [True, False])
def test_a_mean_of_bytes_is_as_the_reference_kernel_has_it(writer, compiled_tflite, axes, y, digest, keep):
    given = [Given(BYTES, X), along(*axes)]
    gives = [Gives("int8", left(BYTES.shape, axes, keep), y)]
    plan = compiled_tflite(operator(writer, "MEAN", given, gives, "ReducerOptions", {"KeepDims": keep})).plan
    assert "reduce_q8" in [o.code.name for o in read_plan(plan).ops]
    assert hashlib.sha256(computed(plan, given)[0].tobytes()).hexdigest().startswith(digest)


def test_a_sum_of_bytes_is_within_a_step(writer, compiled_tflite):
    given, gives = [Given(BYTES, X), along(1)], [Gives("int8", (2, 7, 20), (0.3, 4))]
    (found,) = computed(compiled_tflite(operator(writer, "SUM", given, gives)).plan, given)
    real = (BYTES.astype(float) - X[1]).sum(1) * X[0] / 0.3 + 4
    assert np.abs(found - np.clip(real, -128, 127)).max() < 1


FUNCTIONS = {
    "SUM": np.sum,
    "MEAN": np.mean,
    "REDUCE_MAX": np.max,
    "REDUCE_MIN": np.min,
    "REDUCE_PROD": np.prod,
}


@pytest.mark.parametrize("op", FUNCTIONS)
@pytest.mark.parametrize("dtype", ["float32", "int32", "int8"])
@pytest.mark.parametrize(("axes", "keep"), list(product([(1, 2), (-1,), (0, 2), (0,), (0, 1, 2, 3)], [True, False])))
def test_numbers_are_reduced_along_any_axes(writer, compiled_tflite, op, dtype, axes, keep):
    if dtype == "int8" and op not in {"REDUCE_MAX", "REDUCE_MIN"}:
        return  # above, or refused
    x = RNG.normal(0, 2, (2, 3, 4, 5)).astype(np.float32)
    x = x if dtype == "float32" else np.trunc(x).astype(dtype)
    wanted = FUNCTIONS[op](x, axis=axes, keepdims=keep)
    wanted = np.trunc(wanted) if dtype != "float32" else wanted
    scale = X if dtype == "int8" else None
    given, gives = [Given(x, scale), along(*axes)], [Gives(dtype, wanted.shape, scale)]
    model = operator(writer, op, given, gives, "ReducerOptions", {"KeepDims": keep})
    np.testing.assert_allclose(computed(compiled_tflite(model).plan, given)[0], wanted, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize(("op", "function"), [("REDUCE_ANY", np.any), ("REDUCE_ALL", np.all)])
@pytest.mark.parametrize("axes", [(1,), (0, 2)])
def test_truths_are_reduced(writer, compiled_tflite, op, function, axes):
    x = RNG.random((3, 4, 2)) < (0.2 if op == "REDUCE_ANY" else 0.8)
    wanted = function(x, axis=axes)
    given = [Given(x), along(*axes)]
    (found,) = computed(compiled_tflite(operator(writer, op, given, [Gives("bool", wanted.shape)])).plan, given)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(("op", "function"), [("ARG_MAX", np.argmax), ("ARG_MIN", np.argmin)])
@pytest.mark.parametrize("dtype", ["float32", "int32", "int8"])
@pytest.mark.parametrize("kind", ["int32", "int64"])
@pytest.mark.parametrize("axis", [0, -1])
def test_where_the_best_number_is(writer, compiled_tflite, op, function, dtype, kind, axis):
    x = RNG.integers(-5, 6, (3, 4, 5)).astype(dtype)
    wanted = function(x, axis=axis)
    given = [Given(x, X if dtype == "int8" else None), along(axis)]
    (found,) = computed(compiled_tflite(operator(writer, op, given, [Gives(kind, wanted.shape)])).plan, given)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize(("exclusive", "reverse"), list(product([False, True], repeat=2)))
def test_sums_of_all_before(writer, compiled_tflite, axis, exclusive, reverse):
    x = RNG.normal(0, 1, (3, 4, 5)).astype(np.float32)
    turned = np.flip(x, axis) if reverse else x
    wanted = turned.cumsum(axis) - (turned if exclusive else 0)
    wanted = np.flip(wanted, axis) if reverse else wanted
    given, fields = [Given(x), along(axis)], {"Exclusive": exclusive, "Reverse": reverse}
    model = operator(writer, "CUMSUM", given, [Gives("float32", x.shape)], "CumsumOptions", fields)
    np.testing.assert_allclose(computed(compiled_tflite(model).plan, given)[0], wanted, rtol=1e-5, atol=1e-6)


def test_rows_of_length_one(writer, compiled_tflite):
    x = RNG.normal(0, 1, (3, 5)).astype(np.float32)
    x[1] = 0
    given = [Given(x)]
    (found,) = computed(
        compiled_tflite(operator(writer, "L2_NORMALIZATION", given, [Gives("float32", x.shape)])).plan, given
    )
    np.testing.assert_allclose(found, x / np.maximum(np.sqrt((x * x).sum(1, keepdims=True)), 1e-6), rtol=1e-6)


# The beginning of the digest of what LiteRT 2.3 gives (BUILTIN_REF).
def test_rows_of_bytes_of_length_one_are_as_the_reference_kernel_has_them(writer, compiled_tflite):
    x = (np.arange(240) * 37 % 256 - 128).astype(np.int8).reshape(12, 20)
    x[3] = 5
    given, gives = [Given(x, (0.05, 5))], [Gives("int8", x.shape, (1 / 128, 0))]
    (found,) = computed(compiled_tflite(operator(writer, "L2_NORMALIZATION", given, gives)).plan, given)
    assert hashlib.sha256(found.tobytes()).hexdigest().startswith("f8f7605a0ad7731e")


def test_logarithms_of_probabilities(writer, compiled_tflite):
    x = RNG.normal(0, 30, (3, 5)).astype(np.float32)
    given = [Given(x)]
    (found,) = computed(
        compiled_tflite(operator(writer, "LOG_SOFTMAX", given, [Gives("float32", x.shape)])).plan, given
    )
    shifted = x.astype(float) - x.max(1, keepdims=True)
    np.testing.assert_allclose(found, shifted - np.log(np.exp(shifted).sum(1, keepdims=True)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("op", "given", "gives", "kind", "said"),
    [
        ("SUM", [Given(BYTES, X), along(1)], Gives("int8", (2, 7, 20), X), UnsupportedError, "adds as bytes"),
        ("MEAN", [Given(BYTES, X), along(4)], Gives("int8", (2, 7, 20), X), ModelError, "axis 4"),
        (
            "MEAN",
            [Given(BYTES, X), along(1, constant=False)],
            Gives("int8", (2, 7, 20), X),
            UnsupportedError,
            "must be a constant",
        ),
        ("REDUCE_PROD", [Given(BYTES, X), along(1)], Gives("int8", (2, 7, 20), X), UnsupportedError, "i8 input"),
        (
            "REDUCE_MAX",
            [Given(BYTES, X), along(1)],
            Gives("int8", (2, 7, 20), Y),
            UnsupportedError,
            "quantized differently",
        ),
        ("REDUCE_ANY", [Given(BYTES, X), along(1)], Gives("bool", (2, 7, 20)), ModelError, "an input of i8"),
        ("ARG_MAX", [Given(BYTES, X), along(1, 2)], Gives("int32", (2, 20)), ModelError, "axes"),
        (
            "CUMSUM",
            [Given(np.zeros(3000, np.float32)), along(0)],
            Gives("float32", (3000,)),
            UnsupportedError,
            "up to 2,048",
        ),
        (
            "L2_NORMALIZATION",
            [Given(BYTES, X)],
            Gives("int8", BYTES.shape, X),
            UnsupportedError,
            r"\(0.0078125, 0\) are supported",
        ),
        ("MEAN", [Given(BYTES, X), along(1, 2)], Gives("int32", (2, 20)), ModelError, "input is i8, output is i32"),
        ("SUM", [Given(BYTES, X), along(1)], Gives("float32", (2, 7, 20)), ModelError, "input is i8, output is f32"),
        ("LOG_SOFTMAX", [Given(BYTES, X)], Gives("int8", BYTES.shape, X), UnsupportedError, "f32 is supported"),
    ],
)
def test_reductions_of_another_form_are_refused(writer, compiled_tflite, op, given, gives, kind, said):
    with pytest.raises(kind, match=said):
        compiled_tflite(operator(writer, op, given, [gives]))
