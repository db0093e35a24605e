"""What an op computes lies on the operand that dies there, and nowhere else."""

import numpy as np
import pytest


@pytest.fixture
def plan(model, check):
    """Builds a model around a function of two convolved images, checks its results, and gives its plan."""

    def build(body):
        m = model()
        x = m.input("x", (1, 3, 6, 6))
        a, b = (m.node("Conv", x, m.random(3, 3, 1, 1)) for _ in range(2))
        m.output(body(m, a, b))
        return check(m).plan

    return build


def places(plan, code):
    """Offsets of the operands and the result of the only op of this kind."""
    op = next(op for op in plan.ops if op.code.name == code)
    names = [p.name for p in op.code.parameters if p.kind == "tensor"]
    return {name: plan.tensors[op[name]].offset for name in names}


def test_a_sum_lies_on_an_operand_that_is_not_needed_again(plan):
    found = places(plan(lambda m, a, b: m.node("AveragePool", m.node("Add", a, b), kernel_shape=[2, 2])), "add_f32")
    assert found["y"] == found["a"] != found["b"]


def test_a_sum_lies_on_its_second_operand_when_the_first_is_needed_again(plan):
    found = places(plan(lambda m, a, b: m.node("Concat", m.node("Add", a, b), a, axis=1)), "add_f32")
    assert found["y"] == found["b"] != found["a"]


def test_a_sum_lies_apart_when_both_operands_are_needed_again(plan):
    found = places(plan(lambda m, a, b: m.node("Concat", m.node("Add", a, b), b, a, axis=1)), "add_f32")
    assert len(set(found.values())) == 3


def test_a_tensor_added_to_itself_is_doubled_in_its_place(plan):
    found = places(plan(lambda m, a, _: m.node("AveragePool", m.node("Add", a, a), kernel_shape=[2, 2])), "add_f32")
    assert found["y"] == found["a"] == found["b"]


def test_inputs_stay_as_they_were_written(model, check):
    m = model()
    m.output(m.node("Relu", m.input("x", (4, 8))))
    plan = check(m).plan
    assert plan.tensors[plan.inputs[0]].offset != plan.tensors[plan.outputs[0]].offset


def test_an_output_is_not_written_over(model, check):
    m = model()
    scores = m.node("MatMul", m.input("x", (4, 8)), m.random(8, 8))
    m.output(scores)
    m.output(m.node("Softmax", scores, axis=-1))
    plan = check(m).plan
    assert len({plan.tensors[i].offset for i in (*plan.inputs, *plan.outputs)}) == 3


def test_a_chain_of_elementwise_ops_takes_one_place(model, check):
    m = model()
    x = m.node("MatMul", m.input("x", (4, 8)), m.random(8, 8))
    for _ in range(3):
        x = m.node("Add", m.node("Softmax", x, axis=-1), m.constant(np.arange(8, dtype=np.float32)))
    m.output(x)
    plan = check(m).plan
    assert len({plan.tensors[op["y"]].offset for op in plan.ops}) == 1
