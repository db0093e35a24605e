"""Names of layers travel in a plan's meta; what is wrong there is left out, and the plan read all the same."""

from dataclasses import replace

import pytest

from edgefn.graph import layers
from edgefn.graph.layers import Layer, layers_of
from edgefn.graph.plan import read_plan


@pytest.fixture
def plan(model, compiled):
    m = model()
    x = m.node("Conv", m.input("x", (1, 3, 6, 6)), m.random(4, 3, 1, 1), name="stem")
    m.output(m.node("MaxPool", x, kernel_shape=[2, 2]))
    return read_plan(compiled(m).plan)


def test_an_op_has_the_name_the_author_gave_it_and_its_products(plan):
    named = {op.code.name: layer for op, layer in zip(plan.ops, layers_of(plan))}
    assert named["conv2d_f32"] == Layer("stem", "t0_0", 4 * 3 * 36)


def test_an_op_without_a_name_is_called_as_what_it_computes(plan):
    named = {op.code.name: layer for op, layer in zip(plan.ops, layers_of(plan))}
    assert named["max_pool_f32"].name == "t1_0"


@pytest.mark.parametrize("said", [None, 7, {}, [], [["a", "b", 1]], [["a", "b", -1]] * 9, [[1, 2, 3]] * 9, ["a"] * 9])
def test_what_meta_says_wrongly_is_left_out(plan, said):
    found = layers_of(replace(plan, meta={**plan.meta, "ops": said}))
    assert found == tuple(Layer(f"op {i}", "", None) for i in range(len(plan.ops)))


def test_names_that_would_fill_meta_are_left_out(plan, model, compiled, monkeypatch):
    monkeypatch.setattr(layers, "MAX_BYTES", 40)
    m = model()
    m.output(m.node("Relu", m.input("x", (2, 3)), name="long " * 20))
    assert [layer.name for layer in layers_of(read_plan(compiled(m).plan))] == ["op 0"]


def test_a_long_path_keeps_its_end(model, compiled):
    m = model()
    m.output(m.node("Relu", m.input("x", (2, 3)), name="/".join(["block"] * 60) + "/relu"))
    (layer,) = layers_of(read_plan(compiled(m).plan))
    assert layer.name.startswith("…")
    assert layer.name.endswith("/block/relu")
    assert len(layer.name) == layers.MAX_NAME
