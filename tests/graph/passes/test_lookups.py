"""In TFLite's fixed point what follows from one tensor of bytes is one lookup, with the same bytes as before."""

import numpy as np
import pytest

from edgefn.graph.compiler import compile_model, read_model
from edgefn.graph.passes import lookups
from edgefn.graph.plan import read_plan
from edgefn.graph.reference import evaluate

BYTES = np.arange(-128, 128).astype(np.int8).reshape(4, 64)
SCALES = {"x": (0.05, 3), "s": (1 / 256, -128), "t": (0.02, 9), "y": (0.04, -11), "c": (0.1, 5)}


@pytest.fixture
def compiled(writer, tmp_path, monkeypatch):
    """The codes of a model, which gives the same bytes when nothing is merged."""

    def build():
        path = tmp_path / "m.tflite"
        path.write_bytes(writer.data())
        plan = read_plan(compile_model(read_model(path), name="m").plan)
        with monkeypatch.context() as changed:
            changed.setattr(lookups, "_paired", lambda *_: None)
            changed.setattr(lookups, "_chained", lambda *_: None)
            apart = read_plan(compile_model(read_model(path), name="m").plan)
        for found, wanted in zip(evaluate(plan, [BYTES]), evaluate(apart, [BYTES]), strict=True):
            np.testing.assert_array_equal(found, wanted)
        return [op.code.name for op in plan.ops]

    return build


def tensor(writer, name, shape=BYTES.shape, constant=None):
    scale, point = SCALES[name]
    return writer.tensor(name, shape, "INT8", constant, Quantization=writer.quantization([scale], [point]))


def test_a_product_with_its_own_sigmoid(writer, compiled):
    x, s, y = (tensor(writer, name) for name in "xsy")
    writer.op("LOGISTIC", [x], [s])
    writer.op("MUL", [x, s], [y], "MulOptions", {"FusedActivationFunction": 3})
    writer.subgraph([x], [y])
    assert compiled() == ["lookup_i8"]


def test_a_table_of_a_table(writer, compiled):
    x, t, y = (tensor(writer, name) for name in "xty")
    writer.op("HARD_SWISH", [x], [t])
    writer.op("ABS", [t], [y])
    writer.subgraph([x], [y])
    assert compiled() == ["lookup_i8"]


@pytest.mark.parametrize("op", ["MUL", "SUB", "SQUARED_DIFFERENCE"])
@pytest.mark.parametrize("first", [True, False])
def test_a_constant_of_one_element(writer, compiled, op, first):
    x, y = tensor(writer, "x"), tensor(writer, "y")
    c = tensor(writer, "c", (1,), np.array([77], np.int8))
    writer.op(op, [c, x] if first else [x, c], [y])
    writer.subgraph([x], [y])
    assert compiled() == ["lookup_i8"]


def test_what_other_things_depend_on_stays(writer, compiled):
    x, s, y = (tensor(writer, name) for name in "xsy")
    writer.op("LOGISTIC", [x], [s])
    writer.op("MUL", [x, s], [y], "MulOptions")
    writer.subgraph([x], [y, s])
    assert compiled() == ["lookup_i8", "lookup_i8"]


@pytest.mark.parametrize("shape", [(64,), (4, 1)])
def test_operands_that_lie_apart_are_computed(writer, compiled, shape):
    x, y = tensor(writer, "x"), tensor(writer, "y")
    c = tensor(writer, "c", shape, BYTES.ravel()[: np.prod(shape)])
    writer.op("MUL", [x, c], [y])
    writer.subgraph([x], [y])
    assert compiled() == ["binary_q8"]
