"""Clamps and quantizes go up to what computes the values, where no more values have to be computed for it."""

import numpy as np
import pytest

ROWS = 1_000


def picked(m, table, how):
    if how == "gather":
        return m.node("Gather", table, m.constant(np.array([5, 900, 5])))
    return m.node("Slice", table, *(m.constant(np.array([v])) for v in (3, 6, 0)))


def ended(m, x, end):
    return m.node("Relu", x) if end == "relu" else m.qdq(x, 0.03, 90)


@pytest.mark.parametrize("end", ["relu", "quantize"])
@pytest.mark.parametrize("how", ["gather", "slice"])
def test_of_a_large_table_only_the_rows_that_are_picked_are_computed(model, check, how, end):
    m = model()
    m.output(ended(m, picked(m, m.node("Tanh", m.input("x", (ROWS, 4))), how), end))
    plan = check(m, steps=1).plan
    names = [op.code.name for op in plan.ops]
    (at,) = (i for i, name in enumerate(names) if name.startswith(("clamp", "quantize")))
    assert plan.tensors[plan.ops[at]["y"]].size == 12


@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize("how", ["gather", "slice"])
def test_a_layer_clamps_all_rows_for_those_that_are_picked(model, check, how, moved):
    m = model()
    y = m.node("MatMul", m.input("x", (ROWS, 3)), m.random(3, 4))
    if moved:
        y = m.node("Reshape", y, m.constant(np.array([ROWS, 2, 2])))
    m.output(m.node("Relu", picked(m, y, how)))
    assert not any(op.startswith("clamp") for op in check(m).ops)
