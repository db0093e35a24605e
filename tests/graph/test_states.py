"""A graph with states computes, run after run, what the same equations compute, wherever its states are placed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgefn.engine.standalone import Runner
from edgefn.graph.assemble import assemble
from edgefn.graph.ir import Bounds, Graph, Node, Port, State, Tensor
from edgefn.graph.lower import lower
from edgefn.graph.ops import Add, Clamp, Reshape
from edgefn.graph.passes import optimize
from edgefn.graph.plan import read_plan, write_plan
from edgefn.graph.records import Plan
from edgefn.graph.reference import Machine

F = np.float32
SHAPE = (5,)
META = {side: [{"name": side, "layout": None}] for side in ("inputs", "outputs")}


def build(nodes, states, output) -> Graph:
    """A graph over the input x; `states` as (read, written, first value)."""
    graph = Graph("test")
    for name in ("x", *(read for read, _, _ in states), *(node.output for node in nodes)):
        graph.add(Tensor(name, "f32", SHAPE))
    graph.nodes = list(nodes)
    graph.inputs, graph.outputs = (Port("x", "x"),), (Port("y", output),)
    graph.states = tuple(State(read, written, np.full(SHAPE, first, F)) for read, written, first in states)
    return graph


def compiled(graph: Graph) -> Plan:
    optimize(graph)
    return read_plan(write_plan(assemble(graph, lower(graph), META)))


def codes(plan: Plan) -> list[str]:
    return [op.code.name for op in plan.ops]


def add(a: str, b: str, y: str) -> Node:
    return Node(y, Add(), (a, b), y)


def test_a_state_is_written_in_its_place_by_the_op_that_reads_it_last():
    plan = compiled(build([add("s", "x", "next"), add("next", "x", "y")], [("s", "next", 0)], "y"))
    assert codes(plan) == ["add_f32", "add_f32"]
    assert plan.tensors[plan.ops[0]["y"]].offset == 0 < plan.state_bytes


def test_a_state_that_is_read_after_its_next_value_is_known_is_copied_in_the_end():
    plan = compiled(build([add("s", "x", "next"), add("s", "next", "y")], [("s", "next", 3)], "y"))
    assert codes(plan) == ["add_f32", "add_f32", "copy"]
    machine = Machine(plan)
    assert [machine.evaluate([np.ones(SHAPE, F)])[0][0] for _ in range(3)] == [7, 9, 11]


def test_what_one_state_was_can_be_what_another_becomes():
    nodes = [Node("n", Reshape(), ("a",), "b_next"), Node("n", Reshape(), ("x",), "a_next"), add("b", "b", "y")]
    machine = Machine(compiled(build(nodes, [("a", "a_next", 1), ("b", "b_next", 2)], "y")))
    assert [machine.evaluate([np.full(SHAPE, i, F)])[0][0] for i in (5, 6, 7, 8)] == [4, 2, 10, 12]


def test_a_state_that_no_output_depends_on_is_kept_all_the_same():
    plan = compiled(build([add("s", "x", "next"), add("x", "x", "y")], [("s", "next", 0)], "y"))
    machine = Machine(plan)
    for _ in range(3):
        machine.evaluate([np.ones(SHAPE, F)])
    assert machine.arena[:4].view(F) == 3


def test_a_reset_machine_starts_again():
    machine = Machine(compiled(build([add("s", "x", "next"), add("next", "x", "y")], [("s", "next", 1)], "y")))
    x = [np.ones(SHAPE, F)]
    first = machine.evaluate(x)
    assert machine.evaluate(x)[0][0] != first[0][0]
    machine.reset()
    np.testing.assert_array_equal(machine.evaluate(x), first)


@st.composite
def graphs(draw):
    """Sums, clamps and renamings of an input and up to three states, any of which is written from anywhere."""
    reads = [f"s{i}" for i in range(draw(st.integers(1, 3)))]
    known, nodes = ["x", *reads], []
    for i in range(draw(st.integers(1, 7))):
        kind, y = draw(st.sampled_from(["add", "clamp", "same"])), f"n{i}"
        a, b = draw(st.sampled_from(known)), draw(st.sampled_from(known))
        if kind == "add":
            nodes.append(add(a, b, y))
        else:
            nodes.append(Node(y, Clamp(Bounds(-9.0, 9.0)) if kind == "clamp" else Reshape(), (a,), y))
        known.append(y)
    sinks = []
    for i in range(len(reads) + 1):  # each has a tensor of its own, as importers see to
        nodes.append(Node(f"sink{i}", Reshape(), (draw(st.sampled_from(known)),), f"sink{i}"))
        sinks.append(f"sink{i}")
    return nodes, [(r, w, draw(st.integers(-2, 2))) for r, w in zip(reads, sinks, strict=False)], sinks[-1]


def run(nodes, states, output, inputs):
    """The equations, one run after another."""
    kept = {read: np.full(SHAPE, first, F) for read, _, first in states}
    for x in inputs:
        values = {"x": x, **kept}
        for node in nodes:
            a, *b = (values[name] for name in node.inputs)
            values[node.output] = a + b[0] if b else np.clip(a, -9, 9) if isinstance(node.op, Clamp) else a
        kept = {read: values[written] for read, written, _ in states}
        yield values[output]


@settings(max_examples=200, deadline=None)
@given(graphs(), st.booleans())
def test_any_graph_with_states_is_run_as_its_equations_say(case, optimized):
    nodes, states, output = case
    inputs = [np.full(SHAPE, v, F) for v in (1, -2, 3, 0.5)]
    wanted = list(run(nodes, states, output, inputs))
    graph = build(nodes, states, output)
    plan = compiled(graph) if optimized else read_plan(write_plan(assemble(graph, lower(graph), META)))
    machine = Machine(plan)
    with Runner(write_plan(plan)) as runner:
        for x, y in zip(inputs, wanted, strict=True):
            np.testing.assert_array_equal(machine.evaluate([x])[0], y)
            np.testing.assert_array_equal(np.frombuffer(runner.run([x])[0], F), y)


@pytest.mark.parametrize("first", [0, 4])
def test_states_take_no_memory_beside_their_own(first):
    plan = compiled(build([add("s", "x", "next"), add("next", "x", "y")], [("s", "next", first)], "y"))
    assert plan.arena_bytes == 2 * 32  # and the output lies on the input
