"""TFLite's functions of one element: i8 as LiteRT's kernels have every byte, floats as mathematics."""

import hashlib
import math

import numpy as np
import pytest

from edgefn.errors import UnsupportedError

from .operators import Given, Gives, computed, operator

RNG = np.random.default_rng(9)
BYTES = np.arange(-128, 128).astype(np.int8)
FINE, COARSE = (0.0379, 30), (0.21, -7)
erf = np.vectorize(math.erf)


# The beginning of the digest of what LiteRT 2.3 gives (BUILTIN_REF, or the only kernel that it has) for all bytes.
@pytest.mark.parametrize(
    ("op", "options", "fields", "x", "y", "digest"),
    [
        ("ABS", "", {}, FINE, COARSE, "9a64405e67661b96"),
        ("ABS", "", {}, COARSE, FINE, "fd7dbc6329efe61e"),
        ("ELU", "", {}, FINE, COARSE, "80bb5eee266f5333"),
        ("ELU", "", {}, COARSE, FINE, "50eb4d8dc758fe69"),
        ("EXP", "", {}, FINE, COARSE, "0ffc9e31feea4ab8"),
        ("EXP", "", {}, COARSE, FINE, "966734f22455aa36"),
        ("GELU", "GeluOptions", {"Approximate": True}, FINE, COARSE, "c646e91b7a676153"),
        ("GELU", "GeluOptions", {"Approximate": False}, COARSE, FINE, "db9704614e98fc6c"),
        ("HARD_SWISH", "", {}, FINE, COARSE, "b651a4d566b5d7f6"),
        ("HARD_SWISH", "", {}, COARSE, FINE, "2d8fdc655bc2631d"),
        ("LEAKY_RELU", "LeakyReluOptions", {"Alpha": 0.3}, FINE, COARSE, "adab5ab41c8005a2"),
        ("LEAKY_RELU", "LeakyReluOptions", {"Alpha": -0.7}, COARSE, FINE, "7d27cb735dfb3eb9"),
        ("LOG", "", {}, (0.05, -128), COARSE, "aa2ff79d66a8d5fc"),
        ("LOG", "", {}, (0.3, -128), FINE, "02598fc7c6dee359"),
        ("RELU", "", {}, FINE, COARSE, "68b8b43c86c50a5a"),
        ("RELU6", "", {}, COARSE, FINE, "30777079d7f7df97"),
        ("RELU_0_TO_1", "", {}, COARSE, FINE, "8cf841f78cfab1ce"),
        ("RELU_N1_TO_1", "", {}, FINE, COARSE, "c586f4d4aa65ccca"),
        ("RSQRT", "", {}, (0.05, -128), COARSE, "a44fbb0ec9ad2f39"),
        ("RSQRT", "", {}, (0.3, -128), FINE, "bcba31b42643a9f7"),
        ("SQRT", "", {}, (0.05, -128), COARSE, "d08e69439abf0361"),
        ("SQRT", "", {}, (0.3, -128), FINE, "4688b932dc338e34"),
        ("TANH", "", {}, FINE, COARSE, "d3c801ba1c93c130"),
        ("TANH", "", {}, COARSE, FINE, "b38d7c8854979298"),
    ],
)
def test_every_byte_is_as_the_reference_kernels_have_it(writer, compiled_tflite, op, options, fields, x, y, digest):
    given = [Given(np.maximum(BYTES, -127) if op == "LOG" else BYTES, x)]
    model = operator(writer, op, given, [Gives("int8", (256,), y)], options, fields)
    (found,) = computed(compiled_tflite(model).plan, given)
    assert hashlib.sha256(found.tobytes()).hexdigest().startswith(digest)


def test_a_sigmoid_of_any_scale_is_rounded_once(writer, compiled_tflite):
    given = [Given(BYTES, FINE)]
    (found,) = computed(
        compiled_tflite(operator(writer, "LOGISTIC", given, [Gives("int8", (256,), (0.01, -50))])).plan, given
    )
    real = 1 / (1 + np.exp(-(BYTES.astype(float) - FINE[1]) * FINE[0]))
    np.testing.assert_array_equal(found, np.clip(np.rint(real / 0.01) - 50, -128, 127))


REAL = {
    "ABS": np.abs,
    "CEIL": np.ceil,
    "COS": np.cos,
    "ELU": lambda v: np.where(v < 0, np.expm1(v), v),
    "EXP": np.exp,
    "FLOOR": np.floor,
    "HARD_SWISH": lambda v: v * np.clip(v + 3, 0, 6) / 6,
    "LOG": lambda v: np.log(np.abs(v)),
    "NEG": np.negative,
    "RELU_0_TO_1": lambda v: np.clip(v, 0, 1),
    "RELU_N1_TO_1": lambda v: np.clip(v, -1, 1),
    "ROUND": np.rint,
    "RSQRT": lambda v: 1 / np.sqrt(np.abs(v)),
    "SIGN": np.sign,
    "SIN": np.sin,
    "SQRT": lambda v: np.sqrt(np.abs(v)),
    "SQUARE": np.square,
}


@pytest.mark.parametrize("op", REAL)
def test_floats_have_functions(writer, compiled_tflite, op):
    x = RNG.normal(0, 3, (3, 40)).astype(np.float32)
    given = [Given(np.abs(x) if op in {"LOG", "RSQRT", "SQRT"} else x)]
    (found,) = computed(compiled_tflite(operator(writer, op, given, [Gives("float32", x.shape)])).plan, given)
    np.testing.assert_allclose(found, REAL[op](given[0].array.astype(float)), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("op", ["ABS", "NEG", "SIGN", "SQUARE"])
def test_whole_numbers_have_some(writer, compiled_tflite, op):
    given = [Given(RNG.integers(-9, 10, (3, 4)).astype(np.int32))]
    (found,) = computed(compiled_tflite(operator(writer, op, given, [Gives("int32", (3, 4))])).plan, given)
    np.testing.assert_array_equal(found, REAL[op](given[0].array))


@pytest.mark.parametrize(
    ("op", "options", "fields", "real"),
    [
        ("GELU", "GeluOptions", {"Approximate": False}, lambda v: v / 2 * (1 + erf(v / np.sqrt(2)))),
        (
            "GELU",
            "GeluOptions",
            {"Approximate": True},
            lambda v: v / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (v + 0.044715 * v**3))),
        ),
        ("LEAKY_RELU", "LeakyReluOptions", {"Alpha": 0.3}, lambda v: np.where(v < 0, np.float32(0.3) * v, v)),
    ],
)
def test_functions_with_parameters(writer, compiled_tflite, op, options, fields, real):
    x = RNG.normal(0, 2, (3, 40)).astype(np.float32)
    model = operator(writer, op, [Given(x)], [Gives("float32", x.shape)], options, fields)
    (found,) = computed(compiled_tflite(model).plan, [Given(x)])
    np.testing.assert_allclose(found, real(x.astype(float)), rtol=1e-6, atol=2e-6)


@pytest.mark.parametrize(
    ("op", "x", "y", "said"),
    [
        ("SIN", Given(BYTES, FINE), Gives("int8", (256,), FINE), "SIN operator 'o0' .* i8 input 'i0' to i8; f32 is"),
        ("NEG", Given(BYTES, FINE), Gives("int8", (256,), FINE), "f32, i32 is supported"),
        ("EXP", Given(BYTES, FINE), Gives("float32", (256,)), "f32 tensor|i8 input 'i0' to f32"),
        ("EXP", Given(BYTES), Gives("int8", (256,), FINE), "i8 tensor 'i0'"),
        ("SQUARE", Given(BYTES, FINE), Gives("int8", (256,), FINE), "f32 and i32 are supported"),
        ("HARD_SWISH", Given(BYTES, (100.0, 0)), Gives("int8", (256,), (0.001, 0)), "TFLite does not prepare"),
    ],
)
def test_numbers_of_another_type_are_refused(writer, compiled_tflite, op, x, y, said):
    with pytest.raises(UnsupportedError, match=said):
        compiled_tflite(operator(writer, op, [x], [y]))
