"""TFLite's operators of two operands: i8 as LiteRT's reference kernels have every pair of bytes, floats as numpy."""

import hashlib

import numpy as np
import pytest

from edgefn.errors import ModelError, UnsupportedError
from edgefn.graph.plan import read_plan

from .operators import Given, Gives, computed, operator

RNG = np.random.default_rng(8)
BYTES = np.arange(-128, 128).astype(np.int8)
A, B, Y = (0.05, 3), (0.03, -9), (0.11, 5)
A2, B2, Y2 = (0.02, -128), (0.4, 40), (0.17, -60)


# The beginning of the digest of what LiteRT 2.3 gives (BUILTIN_REF); a divisor of 0 it refuses.
@pytest.mark.parametrize(
    ("op", "options", "activation", "a", "b", "y", "digest"),
    [
        ("ADD", "AddOptions", 0, A, B, Y, "d2a0a900f44004b4"),
        ("ADD", "AddOptions", 3, A2, B2, Y2, "5fcb4b943fcd883f"),
        ("SUB", "SubOptions", 0, A, B, Y, "65547ddb589f8c86"),
        ("SUB", "SubOptions", 3, A2, B2, Y2, "e83a741316c8a506"),
        ("MUL", "MulOptions", 0, A, B, Y, "fbcc1415c2f65ca1"),
        ("MUL", "MulOptions", 3, A2, B2, Y2, "186c1038142c8945"),
        ("SQUARED_DIFFERENCE", "", 0, A, B, Y, "c56e48e2adf99314"),
        ("SQUARED_DIFFERENCE", "", 0, A2, B2, Y2, "51cf4dd0ea79d42d"),
        ("MAXIMUM", "", 0, A, A, A, "6af601e1be594a0a"),
        ("MINIMUM", "", 0, A, A, A, "6b4880df42e2dc85"),
        ("DIV", "DivOptions", 0, A, B, (0.02, 5), "4ccea76d1d24cffb"),
        ("DIV", "DivOptions", 3, A2, B2, (0.0007, 3), "4a7003606b094662"),
        ("PRELU", "", 0, A, B, Y, "5d84c886835ff4fe"),
        ("PRELU", "", 0, A2, B2, Y2, "293696fe998b7522"),
    ],
)
def test_every_pair_of_bytes_is_as_the_reference_kernels_have_it(
    writer, compiled_tflite, op, options, activation, a, b, y, digest
):
    left, right = BYTES[:, None], BYTES[None]
    right = right[:, b[1] != BYTES] if op == "DIV" else right
    left = np.broadcast_to(left, (256, 256)) if op == "PRELU" else left
    given = [Given(np.ascontiguousarray(left), a), Given(np.ascontiguousarray(right), b)]
    fields = {"FusedActivationFunction": activation} if options else None
    model = operator(writer, op, given, [Gives("int8", (256, right.shape[1]), y)], options, fields)
    (found,) = computed(compiled_tflite(model).plan, given)
    assert hashlib.sha256(found.tobytes()).hexdigest().startswith(digest)


def integers(*shape):
    return RNG.integers(-9, 10, shape).astype(np.int32)


def normal(*shape):
    return RNG.normal(0, 2, shape).astype(np.float32)


FUNCTIONS = {
    "ADD": np.add,
    "SUB": np.subtract,
    "MUL": np.multiply,
    "DIV": np.divide,
    "MAXIMUM": np.maximum,
    "MINIMUM": np.minimum,
    "SQUARED_DIFFERENCE": lambda a, b: (a - b) ** 2,
    "FLOOR_DIV": np.floor_divide,
    "FLOOR_MOD": np.mod,
}
SHAPES = [
    ((2, 3, 4), (2, 3, 4)),
    ((2, 3, 4), (4,)),
    ((1, 3, 4), (2, 1, 4)),
    ((2, 3, 4), (3, 1)),
    ((1,), (2, 5)),
    ((), (3,)),
]


@pytest.mark.parametrize("op", FUNCTIONS)
@pytest.mark.parametrize("made", [normal, integers], ids=["f32", "i32"])
@pytest.mark.parametrize(("left", "right"), SHAPES)
@pytest.mark.parametrize("constant", [False, True])
def test_numbers_broadcast_as_numpy_has_it(writer, compiled_tflite, op, made, left, right, constant):
    a, b = made(*left), made(*right)
    b = np.where(b == 0, np.array(3, b.dtype), b) if op in {"DIV", "FLOOR_DIV", "FLOOR_MOD"} else b
    wanted = FUNCTIONS[op](a, b)
    wanted = np.trunc(wanted).astype(np.int32) if op == "DIV" and made is integers else wanted
    given = [Given(np.asarray(a)), Given(np.asarray(b), constant=constant)]
    model = operator(writer, op, given, [Gives(a.dtype.name, wanted.shape)])
    (found,) = computed(compiled_tflite(model).plan, given)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("exponent", [2.0, 3.0, 0.5, -0.5, -1.0, 1.7])
@pytest.mark.parametrize("constant", [False, True])
def test_powers(writer, compiled_tflite, exponent, constant):
    x, power = np.abs(normal(3, 4)), np.array([exponent], np.float32)
    given = [Given(x), Given(power, constant=constant)]
    (found,) = computed(compiled_tflite(operator(writer, "POW", given, [Gives("float32", x.shape)])).plan, given)
    np.testing.assert_allclose(found, x.astype(float) ** exponent, rtol=1e-6)


def test_slopes_for_what_is_below_zero(writer, compiled_tflite):
    x, slopes = normal(2, 3, 4), normal(4)
    given = [Given(x), Given(slopes, constant=True)]
    (found,) = computed(compiled_tflite(operator(writer, "PRELU", given, [Gives("float32", x.shape)])).plan, given)
    np.testing.assert_allclose(found, np.where(x < 0, x * slopes, x), rtol=1e-6)


def test_the_sum_of_many(writer, compiled_tflite):
    given = [Given(normal(2, 3)) for _ in range(4)]
    (found,) = computed(compiled_tflite(operator(writer, "ADD_N", given, [Gives("float32", (2, 3))])).plan, given)
    np.testing.assert_allclose(found, sum(g.array for g in given), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("op", "codes"), [("MUL", ["binary_q8"]), ("SUB", ["binary_q8"]), ("ADD", ["add_linear_i8"]), ("DIV", None)]
)
def test_an_activation_is_part_of_the_op(writer, compiled_tflite, op, codes):
    given = [Given(BYTES.reshape(4, 64), A), Given(BYTES.reshape(4, 64), B)]
    model = operator(
        writer, op, given, [Gives("int8", (4, 64), Y)], f"{op.title()}Options", {"FusedActivationFunction": 1}
    )
    plan = compiled_tflite(model).plan
    assert codes is None or [o.code.name for o in read_plan(plan).ops] == codes
    assert computed(plan, given)[0].min() == Y[1]


@pytest.mark.parametrize(
    ("op", "a", "b", "y", "kind", "said"),
    [
        ("MUL", Given(BYTES, A), Given(normal(256)), Gives("int8", (256,), Y), UnsupportedError, "f32 tensor 'i1'"),
        (
            "MUL",
            Given(BYTES),
            Given(BYTES, B),
            Gives("int8", (256,), Y),
            UnsupportedError,
            "tensor 'i0'; i8 with one scale",
        ),
        ("SUB", Given(normal(3)), Given(normal(4)), Gives("float32", (4,)), ModelError, "do not broadcast"),
        (
            "MAXIMUM",
            Given(BYTES, A),
            Given(BYTES, B),
            Gives("int8", (256,), A),
            UnsupportedError,
            "quantized differently",
        ),
        (
            "POW",
            Given(BYTES, A),
            Given(BYTES, A),
            Gives("int8", (256,), A),
            UnsupportedError,
            "all of f32 is supported",
        ),
        ("PRELU", Given(normal(4)), Given(normal(3, 4)), Gives("float32", (3, 4)), ModelError, "slopes of shape"),
        ("ADD_N", Given(BYTES, A), Given(BYTES, A), Gives("int8", (256,), A), UnsupportedError, "f32 or all of i32"),
    ],
)
def test_operands_of_another_form_are_refused(writer, compiled_tflite, op, a, b, y, kind, said):
    with pytest.raises(kind, match=said):
        compiled_tflite(operator(writer, op, [a, b], [y]))


def test_an_activation_of_whole_numbers_is_refused(writer, compiled_tflite):
    given = [Given(integers(3)), Given(integers(3))]
    model = operator(writer, "MUL", given, [Gives("int32", (3,))], "MulOptions", {"FusedActivationFunction": 1})
    with pytest.raises(UnsupportedError, match="the fused activation RELU of i32"):
        compiled_tflite(model)
