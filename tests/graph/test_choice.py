"""What only one side of a choice needs is left out of a run, and nothing else is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgefn.engine.library import FLAVOURS
from edgefn.engine.standalone import Runner
from edgefn.graph.assemble import assemble
from edgefn.graph.ir import Graph, Node, Port, Tensor
from edgefn.graph.lower import lower
from edgefn.graph.ops import Add, Reshape, Select
from edgefn.graph.plan import read_plan, write_plan
from edgefn.graph.records import Plan
from edgefn.graph.reference import Machine

F = np.float32
SIZE = 1_024


def build(nodes, outputs, conds="p", shapes=None) -> Plan:
    """A plan of nodes over the input x and conditions that are inputs; `shapes` has types and shapes of others."""
    graph = Graph("test")
    for cond in conds:
        graph.add(Tensor(cond, "u8", ()))
    for name in ("x", *(node.output for node in nodes)):
        graph.add(Tensor(name, *(shapes or {}).get(name, ("f32", (SIZE,)))))
    graph.nodes = list(nodes)
    graph.inputs = (Port("x", "x"), *(Port(cond, cond) for cond in conds))
    graph.outputs = tuple(Port(name, name) for name in outputs)
    meta = {
        "inputs": [{"name": p.name, "layout": None} for p in graph.inputs],
        "outputs": [{"name": p.name, "layout": None} for p in graph.outputs],
    }
    return read_plan(write_plan(assemble(graph, lower(graph), meta)))


def add(a: str, b: str, y: str) -> Node:
    return Node(y, Add(), (a, b), y)


def select(cond: str, a: str, b: str, y: str) -> Node:
    return Node(y, Select(), (cond, a, b), y)


def skips(plan: Plan) -> list[tuple[int, int]]:
    """What is expected, and how many ops are left out then, in order."""
    return [(op["expected"], op["count"]) for op in plan.ops if op.code.skips]


def run(plan: Plan, *inputs):
    """The outputs by the oracle and by the engine, which agree."""
    found = Machine(plan).evaluate(inputs)
    for flavour in FLAVOURS:
        with Runner(write_plan(plan), flavour) as runner:
            for reference in (True, False):
                raw = runner.run(inputs, reference=reference)
                assert [f.tobytes() for f in found] == raw
    return [f[0] for f in found]


X = np.full(SIZE, 3, F)
YES, NO = np.uint8(1), np.uint8(0)


@pytest.mark.parametrize(("cond", "wanted"), [(YES, 12), (NO, 9), (np.uint8(7), 12)])
def test_each_side_is_left_out_where_the_other_is_chosen(cond, wanted):
    nodes = [add("x", "x", "two"), add("two", "x", "no"), add("two", "two", "yes"), select("p", "yes", "no", "y")]
    plan = build(nodes, ["y"])
    assert skips(plan) == [(0, 1), (1, 1)]
    assert run(plan, X, cond) == [wanted]


def test_a_condition_in_another_shape_is_the_same_condition():
    nodes = [
        add("x", "x", "a"),
        select("p", "a", "x", "y"),
        Node("q", Reshape(), ("p",), "q"),
        select("q", "a", "x", "z"),
    ]
    plan = build(nodes, ["y", "z"], shapes={"q": ("u8", (1,))})
    assert skips(plan) == [(0, 1)]
    assert run(plan, X, NO) == [3, 3]


def test_all_choices_by_one_condition_leave_out_one_run_of_ops():
    nodes = [add("x", "x", "a"), add("a", "x", "b"), add("x", "a", "c"), add("c", "c", "d")]
    nodes += [select("p", "b", "x", "y"), select("p", "d", "x", "z")]
    plan = build(nodes, ["y", "z"])
    assert skips(plan) == [(0, 4)]
    assert run(plan, X, YES) == [9, 18]
    assert run(plan, X, NO) == [3, 3]


@pytest.mark.parametrize(
    "choices",
    [
        [select("p", "a", "x", "y"), add("a", "y", "z")],
        [select("p", "a", "x", "y"), select("p", "x", "a", "z")],
        [select("p", "a", "a", "y"), add("y", "y", "z")],
        [select("p", "a", "x", "y"), select("q", "a", "x", "z")],
    ],
    ids=["read later", "on both sides", "on both sides of one", "by another condition"],
)
def test_what_is_needed_elsewhere_is_not_left_out(choices):
    plan = build([add("x", "x", "a"), *choices], ["y", "z"], "pq")
    assert skips(plan) == []
    run(plan, X, NO, YES)


def test_an_output_is_not_left_out():
    plan = build([add("x", "x", "a"), select("p", "a", "x", "y")], ["y", "a"])
    assert skips(plan) == []
    assert run(plan, X, NO) == [3, 6]


def test_a_choice_within_a_side_is_left_out_with_it():
    nodes = [add("x", "x", "a"), add("x", "x", "two"), add("x", "two", "b"), select("q", "a", "b", "in")]
    plan = build([*nodes, select("p", "in", "x", "y")], ["y"], "pq")
    assert skips(plan) == [(0, 6), (0, 1), (1, 2)]
    assert [run(plan, X, p, q)[0] for p in (YES, NO) for q in (YES, NO)] == [6, 9, 3, 3]


@pytest.mark.parametrize(("p", "q"), [(YES, YES), (YES, NO), (NO, YES), (NO, NO)])
@pytest.mark.parametrize("order", ["uyv", "uvy", "vuy"])
@pytest.mark.parametrize("inner", ["a", "b"])
def test_a_side_of_which_an_outer_choice_takes_a_part_gives_way_to_it(inner, order, p, q):
    """Of a and b, which only `p` needs, the outer choice by `q` needs one alone, as what `p` made of it."""
    made = {
        "u": select("p", inner, "x", "u"),
        "v": select("p", "b" if inner == "a" else "a", "x", "v"),
        "y": select("q", "u", "x", "y"),
    }
    plan = build([add("x", "x", "a"), add("x", "x", "b"), *(made[name] for name in order)], ["y", "v"], "pq")
    assert run(plan, X, p, q) == [6 if p and q else 3, 6 if p else 3]
    assert skips(plan) == [(0, 2)]


def test_what_is_sooner_done_than_asked_for_is_not_left_out(monkeypatch):
    monkeypatch.setattr("edgefn.graph.choice.WORTH", SIZE + 1)
    assert skips(build([add("x", "x", "a"), select("p", "a", "x", "y")], ["y"])) == []


def test_a_run_of_single_ops_ignores_what_is_left_out():
    plan = build([add("x", "x", "a"), select("p", "a", "x", "y")], ["y"])
    with Runner(write_plan(plan)) as runner:
        runner.write([X, NO])
        runner.run_op(0)
        runner.run_op(1)
        assert np.frombuffer(runner.tensor(plan.ops[1]["y"]), F)[0] == 6


@st.composite
def graphs(draw):
    """Sums, and choices by three conditions, of anything before them."""
    known, nodes = ["x"], []
    for i in range(draw(st.integers(2, 14))):
        a, b, y = draw(st.sampled_from(known[-5:])), draw(st.sampled_from(known)), f"n{i}"
        nodes.append(select(draw(st.sampled_from("pqr")), a, b, y) if draw(st.booleans()) else add(a, b, y))
        known.append(y)
    return nodes, sorted({known[-1], draw(st.sampled_from(known[1:]))})


@settings(max_examples=150, deadline=None)
@given(graphs(), st.tuples(*[st.booleans()] * 3))
def test_any_choices_give_what_their_equations_say(case, truths):
    nodes, outputs = case
    values = {"x": X} | dict(zip("pqr", truths, strict=True))
    for node in nodes:
        first, *rest = (values[name] for name in node.inputs)
        values[node.output] = first + rest[0] if isinstance(node.op, Add) else rest[0] if first else rest[1]
    plan = build(nodes, outputs, "pqr")
    assert run(plan, X, *map(np.uint8, truths)) == [values[name][0] for name in outputs]
