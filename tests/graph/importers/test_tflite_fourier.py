"""RFFT2D and what becomes of its complex numbers, against numpy; and the forms that are refused."""

import numpy as np
import pytest

from edgefn.engine.standalone import Runner
from edgefn.errors import UnsupportedError
from edgefn.graph.plan import read_plan

F = np.float32
RNG = np.random.default_rng(17)


def transform(writer, shape, n, *, moves=True):
    """The transform of an input, perhaps without its dimension of one element; the number of its tensor."""
    x, length = writer.tensor("x", shape), writer.tensor("n", (2,), "INT32", np.array([1, n], np.int32))
    y = writer.tensor("transform", (*shape[:-1], n // 2 + 1), "COMPLEX64")
    writer.op("RFFT2D", [x, length], [y], "Rfft2dOptions")
    if not moves:
        return y
    moved = writer.tensor("moved", (*shape[:-2], n // 2 + 1), "COMPLEX64")
    writer.op("SQUEEZE", [y], [moved], "SqueezeOptions", {"SqueezeDims": np.array([len(shape) - 2], np.int32)})
    return moved


OPS = {"COMPLEX_ABS": np.abs, "REAL": np.real, "IMAG": np.imag, "CAST": np.real}


@pytest.mark.parametrize("n", [2, 16, 256])
@pytest.mark.parametrize("op", OPS)
def test_a_transform_becomes_floats(writer, compiled_tflite, op, n):
    x = RNG.normal(0, 1, (2, 3, 1, 64)).astype(F)
    whole = transform(writer, x.shape, n)
    y = writer.tensor("y", (2, 3, n // 2 + 1))
    writer.op(op, [whole], [y])
    writer.subgraph([0], [y])
    blob = compiled_tflite(writer).plan
    wanted = OPS[op](np.fft.rfft(x.astype(float), n))[:, :, 0]
    with Runner(blob) as runner:
        found = np.frombuffer(runner.run([x])[0], F).reshape(wanted.shape)
    np.testing.assert_allclose(found, wanted, atol=2e-5)
    assert read_plan(blob).tensors[read_plan(blob).outputs[0]].dims == wanted.shape


def of_another_operator(writer):
    whole, y = transform(writer, (1, 1, 16), 16), writer.tensor("y", (1, 9))
    writer.op("ABS", [whole], [y])
    writer.subgraph([0], [y])


def of_a_constant(writer):
    x, y = writer.tensor("x", (1, 2), "COMPLEX64", np.ones((1, 2), np.complex64)), writer.tensor("y", (1, 2))
    writer.tensor("z", (1, 2))
    writer.op("COMPLEX_ABS", [x], [y])
    writer.subgraph([2], [y])


def of_an_odd_length(writer):
    whole, y = transform(writer, (1, 1, 16), 12), writer.tensor("y", (1, 7))
    writer.op("REAL", [whole], [y])
    writer.subgraph([0], [y])


def given_out(writer):
    writer.subgraph([0], [transform(writer, (1, 1, 16), 16)])


def made_of_floats(writer):
    x, y = writer.tensor("x", (1, 2)), writer.tensor("y", (1, 2), "COMPLEX64")
    writer.op("CAST", [x], [y])
    writer.subgraph([x], [y])


def fed(writer):
    x, y = writer.tensor("x", (1, 2), "COMPLEX64"), writer.tensor("y", (1, 2))
    writer.op("COMPLEX_ABS", [x], [y])
    writer.subgraph([x], [y])


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (fed, "input 'x' is complex"),
        (of_another_operator, "complex numbers"),
        (of_a_constant, "an input that RFFT2D does not give"),
        (of_an_odd_length, "12 elements; a power of two"),
        (given_out, "complex numbers"),
        (made_of_floats, "complex numbers of another operator"),
    ],
)
def test_complex_numbers_elsewhere_are_refused(writer, compiled_tflite, build, said):
    build(writer)
    with pytest.raises(UnsupportedError, match=said) as error:
        compiled_tflite(writer)
    assert error.value.code == "EFN-M011"
