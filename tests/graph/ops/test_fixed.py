"""Graphs with fixed rounding answer as the reference kernels of LiteRT 2.3, off which the values here were read."""

import numpy as np
import pytest

from edgefn.engine.standalone import Runner
from edgefn.errors import UnsupportedError
from edgefn.graph.assemble import assemble
from edgefn.graph.ir import OPEN, Bounds, Graph, Node, Op, Port, Quantization, Rounding, Tensor, Window
from edgefn.graph.lower import lower
from edgefn.graph.ops import Add, AveragePool, Conv2d, Dense, Depthwise, Softmax
from edgefn.graph.ops.fixed import exp_table, multiplier_of
from edgefn.graph.plan import read_plan, write_plan
from edgefn.graph.records import Plan
from edgefn.graph.reference import evaluate

NODE = Node("n", Softmax(), ("x",), "y")
POINT = Window((1, 1))
QUARTERS = np.arange(-12, 13)


def graph(op: Op, inputs: list[Tensor], y: Tensor, rounding: Rounding = "fixed") -> Graph:
    """A graph of one node."""
    ports = tuple(Port(t.name, t.name) for t in inputs if t.constant is None)
    tensors = {t.name: t for t in (*inputs, y)}
    names = tuple(t.name for t in inputs)
    return Graph("one", tensors, [Node("n", op, names, "y")], ports, (Port("y", "y"),), rounding=rounding)


def plan_of(g: Graph) -> Plan:
    ports = {"inputs": [{"name": p.name, "layout": None} for p in g.inputs], "outputs": [{"name": "y", "layout": None}]}
    return assemble(g, lower(g), ports)


def answer(g: Graph, *inputs: np.ndarray) -> list[int]:
    """What the engine and the oracle say, both the same."""
    plan = plan_of(g)
    (expected,) = evaluate(plan, inputs)
    with Runner(write_plan(plan)) as runner:
        (got,) = runner.run(inputs)
    np.testing.assert_array_equal(np.frombuffer(got, np.int8), expected.ravel())
    return expected.ravel().tolist()


def i8(name: str, shape: tuple[int, ...], scale: float, zero: int, constant=None) -> Tensor:
    return Tensor(name, "i8", shape, Quantization.of(scale, zero), constant)


def sums(op: Op, rank: int) -> list[int]:
    """Sums of -12 to 12, given as biases, times 1/4."""
    m = len(QUARTERS)
    ones = (1,) * (rank - 1)
    shape = {2: (m, 1), 4: (m, 1, 1, 1)}[rank] if not isinstance(op, Depthwise) else (1, 1, 1, m)
    x = i8("x", (*ones, m if isinstance(op, Depthwise) else 1), 1.0, 0)
    w = i8("w", shape, 0.25, 0, np.ones(shape, np.int8))
    bias = Tensor("b", "i32", (m,), None, QUARTERS.astype(np.int32))
    return answer(graph(op, [x, w, bias], i8("y", (*ones, m), 1.0, 0)), np.zeros(x.shape, np.int8))


TWICE = [-3, -3, -3, -2, -2, -2, -2, -1, -1, -1, -1, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]
ONCE = [-3, -3, -3, -2, -2, -2, -2, -1, -1, -1, -1, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3]


@pytest.mark.parametrize("op", [Conv2d(POINT), Depthwise(POINT)])
def test_a_convolution_rounds_twice(op):
    assert sums(op, 4) == TWICE


def test_a_dense_layer_rounds_once():
    assert sums(Dense(), 2) == ONCE


def test_an_addition_answers_as_the_reference_kernel():
    a = np.arange(-128, 128, 17).astype(np.int8)
    operands = [i8("a", (16,), 0.04, -128), i8("b", (16,), 0.1, 4)]
    got = answer(graph(Add(Bounds(0.0)), operands, i8("y", (16,), 0.05, -20)), a, a[::-1].copy())
    assert got == [127, 127, 127, 127, 127, 124, 104, 83, 63, 42, 22, 2, -19, -20, -20, -20]


def test_an_average_pool_answers_as_the_reference_kernel():
    x = np.arange(-5, 7).astype(np.int8).reshape(1, 2, 6, 1)
    op = AveragePool(Window((2, 2), (1, 1)))
    got = answer(graph(op, [i8("x", (1, 2, 6, 1), 0.1, 0)], i8("y", (1, 2, 6, 1), 0.1, 0)), x)
    assert got == [-2, -1, 1, 2, 3, 3, 2, 3, 4, 5, 6, 6]


def test_softmax_answers_as_the_reference_kernel():
    x = np.array([[-128, -50, 0, 3, 90, 100, 101, 127], [0] * 8, [127, 126, 125, 124, 120, 110, 100, 0]], np.int8)
    got = answer(graph(Softmax(), [i8("x", (3, 8), 0.03, 7)], i8("y", (3, 8), 1 / 256, -128)), x)
    assert got[:8] == [-128, -127, -126, -125, -91, -78, -77, -16]
    assert got[8:16] == [-96] * 8
    assert got[16:] == [-83, -84, -86, -87, -92, -101, -108, -127]


@pytest.mark.parametrize(
    ("real", "expected"),
    [
        (0.0, (0, 0)),
        (1.0, (2**30, 1)),
        (0.5, (2**30, 0)),
        (0.3, (1288490189, -1)),
        (1 - 2.0**-40, (2**30, 1)),
        (2.0**-32, (2**30, -31)),
        (2.0**-33, (0, 0)),
        (2.0**29, (2**30, 30)),
    ],
)
def test_a_multiplier_has_31_bits_and_a_shift(real, expected):
    assert multiplier_of(NODE, real) == expected


def test_a_multiplier_too_large_for_its_shift_is_refused():
    for real in (2.0**30, np.inf):
        with pytest.raises(UnsupportedError, match="multiply by"):
            multiplier_of(NODE, real)


@pytest.mark.parametrize("scale", [0.001, 0.05, 0.3, 1.0])
def test_the_table_of_softmax_is_close_to_exp(scale):
    table = exp_table(NODE, scale)
    assert table[0] == 2**31 - 1
    np.testing.assert_allclose(table / 2**31, np.exp(-scale * np.arange(256)), atol=1e-6)


def test_a_scale_that_the_reference_kernel_does_not_prepare_is_refused():
    with pytest.raises(UnsupportedError, match="scale"):
        exp_table(NODE, 1e-9)


@pytest.mark.parametrize(("rounding", "high"), [("float", 2), ("fixed", 3)])
def test_bounds_are_rounded_as_the_graph_rounds(rounding, high):
    op = Add(Bounds(0.0, 2.5))
    operands = [i8("a", (4,), 1.0, 0), i8("b", (4,), 1.0, 0)]
    plan = plan_of(graph(op, operands, i8("y", (4,), 1.0, 0), rounding))
    assert (plan.ops[0]["low"], plan.ops[0]["high"]) == (0, high)


@pytest.mark.parametrize(
    ("rounding", "scale", "code"),
    [("float", 0.123, "conv2d_i8"), ("fixed", 0.123, "conv2d_i8"), ("fixed", 1.23e-4, "conv2d_q8")],
)
def test_the_rounding_of_a_graph_and_its_scales_choose_the_codes(rounding, scale, code):
    w = np.full((4, 1, 1, 1024), 127, np.int8)
    operands = [i8("x", (1, 1, 1, 1024), 1.0, 0), i8("w", w.shape, scale, 0, w)]
    plan = plan_of(graph(Conv2d(POINT), operands, i8("y", (1, 1, 1, 4), 1.0, 0), rounding))
    data = write_plan(plan)
    assert plan.ops[0].code.name == code
    assert read_plan(data) == plan


@pytest.mark.parametrize(
    ("op", "y"),
    [
        (AveragePool(POINT, count_padding=True), i8("y", (1, 1, 1, 4), 1.0, 0)),
        (AveragePool(POINT), i8("y", (1, 1, 1, 4), 1.0, 1)),
        (AveragePool(POINT), i8("y", (1, 1, 1, 4), 1.1, 0)),
        (Softmax(), i8("y", (1, 1, 1, 4), 1 / 256, 0)),
        (Softmax(), i8("y", (1, 1, 1, 4), 1 / 128, -128)),
    ],
)
def test_what_the_reference_kernels_refuse_is_refused(op, y):
    with pytest.raises(UnsupportedError) as error:
        lower(graph(op, [i8("x", (1, 1, 1, 4), 1.0, 0)], y))
    assert error.value.code == "EFN-M012"


def test_a_layer_without_bias_begins_at_zero():
    w = i8("w", (2, 3), 0.5, 0, np.array([[1, 2, 3], [-1, 0, 1]], np.int8))
    g = graph(Dense(bounds=OPEN), [i8("x", (1, 3), 1.0, 1), w], i8("y", (1, 2), 1.0, 0))
    assert answer(g, np.array([[2, 3, 6]], np.int8)) == [10, 2]
