"""The account of a plan's memory agrees with the buffers that the planner placed."""

import numpy as np
import pytest

from edgefn.graph import assemble
from edgefn.graph.footprint import footprint_of
from edgefn.graph.memory import bound, place
from edgefn.graph.plan import read_plan


@pytest.fixture
def account(model, compiled, monkeypatch):
    """The footprint of a model, and the bound of the buffers that its planner was given."""

    def build(body):
        seen = []
        monkeypatch.setattr(assemble, "place", lambda buffers: seen.append(bound(buffers)) or place(buffers))
        m = model()
        body(m)
        plan = read_plan(compiled(m).plan)
        return plan, footprint_of(plan), seen[0]

    return build


def residual(m):
    x = m.node("Conv", m.input("x", (1, 4, 9, 9)), m.random(4, 4, 1, 1), name="stem")
    y = m.node("Conv", x, m.random(4, 4, 3, 3), pads=[1] * 4, name="middle")
    m.output(m.node("AveragePool", m.node("Add", x, y), kernel_shape=[2, 2]))


def branches(m):
    x = m.input("x", (1, 3, 8, 8))
    parts = [m.node("Conv", x, m.random(n, 3, 1, 1)) for n in (2, 5, 7)]
    m.output(m.node("Concat", *parts, axis=1))


def views(m):
    x = m.node("Softmax", m.node("MatMul", m.input("x", (6, 8)), m.random(8, 8)), axis=-1)
    m.output(m.node("MatMul", m.node("Reshape", x, m.constant([3, 16])), m.random(16, 4)))


@pytest.mark.parametrize("body", [residual, branches, views])
def test_the_bound_is_the_one_of_the_planner_or_below_it(account, body):
    plan, found, planned = account(body)
    assert found.bound <= planned <= plan.arena_bytes == found.arena_bytes
    assert found.bound == max(found.live) == found.live[found.pin]


def test_what_pins_the_arena_is_named_and_adds_up(account):
    plan, found, _ = account(residual)
    assert plan.ops[found.pin].code.name == "conv2d_f32"
    assert sum(-(-r.nbytes // 16) * 16 for r in found.residents) == found.bound
    assert [r.nbytes for r in found.residents] == sorted((r.nbytes for r in found.residents), reverse=True)
    makers = [r.maker for r in found.residents if r.maker is not None]
    assert sorted(makers) == [found.pin - 1, found.pin]  # and its scratch
    assert len(found.residents) == 3


def test_what_is_written_onto_its_operand_counts_once(account):
    def body(m):
        x = m.node("MatMul", m.input("x", (16, 8)), m.random(8, 8))
        for _ in range(3):
            x = m.node("Add", m.node("Softmax", x, axis=-1), m.constant(np.ones(8, np.float32)))
        m.output(x)

    _, found, _ = account(body)
    assert set(found.live[1:]) == {16 * 8 * 4}
