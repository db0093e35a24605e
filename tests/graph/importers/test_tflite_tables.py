"""LOGISTIC, TANH and QUANTIZE of integers: every byte as LiteRT's reference kernels have it."""

import hashlib

import numpy as np
import pytest

from edgefn.engine.library import FLAVOURS
from edgefn.engine.standalone import Runner
from edgefn.errors import UnsupportedError

LOGISTIC, TANH = (1 / 256, -128), (1 / 128, 0)
BYTES = {"INT8": np.arange(-128, 128).astype(np.int8), "UINT8": np.arange(256).astype(np.uint8)}
REAL = {"LOGISTIC": lambda v: 1 / (1 + np.exp(-v)), "TANH": np.tanh, "QUANTIZE": lambda v: v}


def unary(writer, op, x, y, kinds=("INT8", "INT8")):
    for name, parameters, kind in zip("xy", (x, y), kinds, strict=True):
        fields = {"Quantization": writer.quantization([parameters[0]], [parameters[1]])} if parameters else {}
        writer.tensor(name, (1, 256), kind, **fields)
    writer.op(op, [0], [1])
    writer.subgraph([0], [1])
    return writer


# The beginning of the digest of what LiteRT 2.3 gives (BUILTIN_REF) for all bytes.
@pytest.mark.parametrize(
    ("op", "x", "y", "kinds", "digest"),
    [
        ("LOGISTIC", (0.17895515263080597, 30), LOGISTIC, ("INT8", "INT8"), "b9388d34936dd51a"),
        ("LOGISTIC", (0.03877529129385948, -2), LOGISTIC, ("INT8", "INT8"), "60d83623a6c245e2"),
        ("LOGISTIC", (1.0, 30), LOGISTIC, ("INT8", "INT8"), "fdfbdd76d43dd57a"),
        ("TANH", (0.17895515263080597, 30), TANH, ("INT8", "INT8"), "76fc529f8ab2b27c"),
        ("TANH", (0.03877529129385948, -2), TANH, ("INT8", "INT8"), "901bc6190a608ef8"),
        ("TANH", (1.0, -2), TANH, ("INT8", "INT8"), "421f3813fe8167e9"),
        ("LOGISTIC", (4.102685451507568, -77), LOGISTIC, ("INT8", "INT8"), "cec9497b59e16e73"),
        ("TANH", (5.5, 3), TANH, ("INT8", "INT8"), "82d09a54ce9377ca"),
        ("QUANTIZE", (0.6373247256341329, 2), (0.0419325504122585, -59), ("INT8", "INT8"), "45e78d798e9e9a15"),
        ("QUANTIZE", (0.017511107893000567, -84), (0.912842821700444, 208), ("INT8", "UINT8"), "f474686bc2772a02"),
        ("QUANTIZE", (0.6070291399914127, 248), (0.5440813664739574, 58), ("UINT8", "INT8"), "0eda0d32df9cfc35"),
        ("QUANTIZE", (1 / 256, -128), (1 / 256, 0), ("INT8", "UINT8"), "40aff2e9d2d8922e"),
    ],
)
def test_every_byte_is_as_the_reference_kernels_have_it(writer, compiled_tflite, op, x, y, kinds, digest):
    plan, given = compiled_tflite(unary(writer, op, x, y, kinds)).plan, BYTES[kinds[0]]
    for flavour in FLAVOURS:
        with Runner(plan, flavour) as runner:
            (data,) = runner.run([given])
        found = np.frombuffer(data, BYTES[kinds[1]].dtype)
        info = np.iinfo(found.dtype)
        exact = REAL[op]((given.astype(float) - x[1]) * x[0]) / y[0] + y[1]
        assert np.abs(found - np.clip(exact, info.min, info.max)).max() <= 1
        assert hashlib.sha256(data).hexdigest().startswith(digest)


@pytest.mark.parametrize("op", ["LOGISTIC", "TANH"])
def test_floats_have_functions(writer, compiled_tflite, op):
    x = np.linspace(-9, 9, 256).astype(np.float32)
    with Runner(compiled_tflite(unary(writer, op, None, None, ("FLOAT32", "FLOAT32"))).plan) as runner:
        (data,) = runner.run([x])
    np.testing.assert_allclose(np.frombuffer(data, np.float32), REAL[op](x.astype(float)), rtol=1e-6)


@pytest.mark.parametrize(
    ("op", "y", "kinds", "said"),
    [
        ("QUANTIZE", None, ("INT8", "INT8"), "i8 and u8 with one scale"),
    ],
)
def test_forms_that_are_not_supported_are_refused(writer, compiled_tflite, op, y, kinds, said):
    with pytest.raises(UnsupportedError, match=said) as error:
        compiled_tflite(unary(writer, op, (0.1, 0), y, kinds))
    assert error.value.code == "EFN-M011"
