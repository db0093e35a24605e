"""Loop and Scan with a number of steps that is known at import, compared with ONNX's reference evaluator."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgefn.errors import ModelError, UnsupportedError

F = np.float32
KINDS = {"f": TensorProto.FLOAT, "i": TensorProto.INT64, "b": TensorProto.BOOL}


def body(nodes, inputs, outputs, constants=()):
    """A graph of ops as (op, inputs, output, attributes); ports are names with their kind in front: `i:step`."""
    made = [helper.make_node(op, reads, [y], **attributes) for op, reads, y, attributes in nodes]
    ports = [
        [helper.make_tensor_value_info(name[2:], KINDS[name[0]], None) for name in names] for names in (inputs, outputs)
    ]
    return helper.make_graph(made, "body", *ports, [numpy_helper.from_array(v, n) for n, v in constants])


def loop(m, count, going, *carried, outputs, **attributes):
    first = m.node("Loop", count, going, *carried, outputs=outputs, **attributes)
    return [f"{first[:-1]}{i}" for i in range(outputs)]


def scan(m, *inputs, outputs, **attributes):
    first = m.node("Scan", *inputs, outputs=outputs, **attributes)
    return [f"{first[:-1]}{i}" for i in range(outputs)]


TWICE = [("Add", ["h", "x"], "sum", {}), ("Tanh", ["sum"], "next", {}), ("Identity", ["going"], "again", {})]


def test_a_loop_carries_and_collects(model, check):
    m = model()
    m.input("x", (3,))
    steps = body(TWICE, ("i:step", "b:going", "f:h"), ("b:again", "f:next", "f:sum"))
    count, going = m.constant(np.array(4)), m.constant(np.array(True))
    for name in loop(m, count, going, m.random(3), outputs=2, body=steps):
        m.output(name)
    assert check(m).ops.count("unary_f32") == 4


def test_a_loop_ends_by_a_condition_that_follows_from_its_steps(model, check):
    m = model()
    m.input("x", (2, 3))
    nodes = [
        ("Cast", ["step"], "real", {"to": TensorProto.FLOAT}),
        ("Mul", ["h", "x"], "scaled", {}),
        ("Add", ["scaled", "real"], "next", {}),
        ("Less", ["step", "last"], "again", {}),
    ]
    steps = body(nodes, ("i:step", "b:going", "f:h"), ("b:again", "f:next"), [("last", np.array(2))])
    (y,) = loop(m, "", m.constant(np.array(True)), m.random(2, 3), outputs=1, body=steps)
    m.output(y)
    check(m)


def test_a_loop_that_does_not_run_gives_what_it_was_given(model, check):
    m = model()
    x = m.input("x", (2, 3))
    steps = body(TWICE, ("i:step", "b:going", "f:h"), ("b:again", "f:next"))
    (y,) = loop(m, m.constant(np.array(9)), m.constant(np.array(False)), x, outputs=1, body=steps)
    m.output(m.node("Add", y, x))
    check(m)


def test_a_loop_in_a_loop_reads_what_is_around_both(model, compiled, engine_outputs):
    """By hand: the reference evaluator keeps what the outer loop carried first."""
    m = model()
    m.input("x", (2, 3))
    inner = body(
        [("Add", ["g", "h"], "sum", {}), ("Mul", ["sum", "x"], "more", {}), ("Identity", ["on"], "still", {})],
        ("i:inner_step", "b:on", "f:g"),
        ("b:still", "f:more"),
    )
    nodes = [("Loop", ["two", "going", "h"], "next", {"body": inner}), ("Identity", ["going"], "again", {})]
    outer = body(nodes, ("i:step", "b:going", "f:h"), ("b:again", "f:next"), [("two", np.array(2))])
    (y,) = loop(m, m.constant(np.array(2)), "", m.constant(np.ones((2, 3), F)), outputs=1, body=outer)
    m.output(y)
    x, h = np.linspace(-1, 1, 6, dtype=F).reshape(2, 3), np.ones((2, 3), F)
    for _ in range(2):
        h = ((h + h) * x + h) * x
    for (found,) in engine_outputs(compiled(m).plan, [x]):
        np.testing.assert_allclose(found, h, rtol=1e-5)


@pytest.mark.parametrize("constant", [False, True])
def test_a_scan_goes_over_rows(model, check, constant):
    m = model()
    state = m.input("h", (3,))
    rows = m.random(5, 3) if constant else m.input("rows", (5, 3))
    nodes = [("Add", ["h", "row"], "next", {}), ("ReduceSum", ["next"], "total", {"keepdims": 0})]
    for name in scan(
        m, state, rows, outputs=2, num_scan_inputs=1, body=body(nodes, ("f:h", "f:row"), ("f:next", "f:total"))
    ):
        m.output(name)
    check(m)


def test_a_scan_goes_backwards_along_other_axes(model, compiled, engine_outputs):
    """The reference evaluator has neither; `scan_output_directions` puts what comes later in front."""
    m = model()
    x = m.input("x", (2, 4))
    steps = body([("Add", ["h", "part"], "next", {})], ("f:h", "f:part"), ("f:next", "f:next"))
    ways = {"scan_input_axes": [1], "scan_input_directions": [1]}
    ways |= {"scan_output_axes": [1], "scan_output_directions": [1]}
    state = m.constant(np.zeros(2, F))
    for name in scan(m, state, x, outputs=2, num_scan_inputs=1, body=steps, **ways):
        m.output(name)
    value = np.arange(8, dtype=F).reshape(2, 4)
    backwards = np.cumsum(value[:, ::-1], axis=1)
    for last, every in engine_outputs(compiled(m).plan, [value]):
        assert last.tolist() == backwards[:, -1].tolist()
        assert every.tolist() == backwards[:, ::-1].tolist()


def test_a_condition_of_the_run_is_refused(model, compiled):
    m = model()
    p = m.input("p", (), "bool")
    steps = body([("Identity", [p], "again", {})], ("i:step", "b:going", "f:h"), ("b:again", "f:h"))
    (y,) = loop(m, m.constant(np.array(4)), "", m.random(2, 3), outputs=1, body=steps)
    m.output(y)
    with pytest.raises(UnsupportedError, match="a condition that is computed at run time"):
        compiled(m)


def test_a_count_of_the_run_is_refused(model, compiled):
    m = model()
    n = m.input("n", (), "i64")
    steps = body([], ("i:step", "b:going", "f:h"), ("b:going", "f:h"))
    m.output(loop(m, n, "", m.random(2, 3), outputs=1, body=steps)[0])
    with pytest.raises(UnsupportedError, match="'n' is computed at run time"):
        compiled(m)


def test_steps_without_end_are_refused(model, compiled):
    m = model()
    steps = body([], ("i:step", "b:going", "f:h"), ("b:going", "f:h"))
    m.output(loop(m, m.constant(np.array(2**62)), "", m.random(2, 3), outputs=1, body=steps)[0])
    m.input("x", (1,))
    with pytest.raises(UnsupportedError, match="its steps are too many"):
        compiled(m)


def test_no_steps_that_would_give_no_elements_are_refused(model, compiled):
    m = model()
    m.input("x", (2, 3))
    steps = body(TWICE, ("i:step", "b:going", "f:h"), ("b:again", "f:next", "f:sum"))
    m.output(loop(m, m.constant(np.array(0)), "", m.random(2, 3), outputs=2, body=steps)[1])
    with pytest.raises(UnsupportedError, match="no steps"):
        compiled(m)


@pytest.mark.parametrize(
    ("inputs", "outputs"), [(("i:step", "b:going"), ("b:going", "f:h")), (("i:step", "b:going", "f:h"), ("b:going",))]
)
def test_a_body_that_does_not_fit_what_is_carried_is_malformed(model, compiled, inputs, outputs):
    m = model()
    m.input("h", (2, 3))
    m.output(loop(m, m.constant(np.array(1)), "", "h", outputs=1, body=body([], inputs, outputs))[0])
    with pytest.raises(ModelError, match="carries 1"):
        compiled(m)


def test_a_node_without_a_body_is_malformed(model, compiled):
    m = model()
    m.output(m.node("Loop", m.constant(np.array(1)), "", m.input("x", (2,))))
    with pytest.raises(ModelError, match="it has no body"):
        compiled(m)


def test_rows_of_different_counts_are_malformed(model, compiled):
    m = model()
    steps = body([("Add", ["a", "b"], "y", {})], ("f:a", "f:b"), ("f:y",))
    m.output(scan(m, m.input("a", (3, 2)), m.input("b", (4, 2)), outputs=1, num_scan_inputs=2, body=steps)[0])
    with pytest.raises(ModelError, match=r"\[3, 4\] elements"):
        compiled(m)
