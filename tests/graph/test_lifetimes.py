"""What an op computes lies on the operand that dies there, and nowhere else."""

import re
from pathlib import Path

import numpy as np
import pytest

from edgefn.graph.ops import BY_CODE

SPECIFICATION = Path(__file__).parents[2] / "docs" / "spec" / "plan.md"


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
    return {name: plan.tensors[index].offset for name, index in op.tensors.items()}


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


def test_an_input_is_written_over_when_nothing_reads_it_again(model, check):
    m = model()
    m.output(m.node("Relu", m.input("x", (4, 8))))
    plan = check(m).plan
    assert plan.tensors[plan.inputs[0]].offset == plan.tensors[plan.outputs[0]].offset
    assert plan.arena_bytes == 4 * 8 * 4


def test_an_input_that_is_returned_too_stays_as_it_was_written(model, check):
    m = model()
    x = m.input("x", (4, 8))
    m.output(m.node("Relu", x))
    m.output(m.node("Identity", x))
    plan = check(m).plan
    assert len({plan.tensors[i].offset for i in plan.outputs}) == 2


def test_inputs_that_nothing_reads_have_their_places_when_the_run_begins(model, check):
    m = model()
    for name in ("unread", "read", "unread_too"):
        m.input(name, (4, 8))
    m.output(m.node("Relu", "read"))
    plan = check(m).plan
    assert len({plan.tensors[i].offset for i in plan.inputs}) == 3


def test_an_output_is_not_written_over(model, check):
    m = model()
    scores = m.node("MatMul", m.input("x", (4, 8)), m.random(8, 8))
    m.output(scores)
    m.output(m.node("Softmax", scores, axis=-1))
    plan = check(m).plan
    assert len({plan.tensors[i].offset for i in plan.outputs}) == 2


def test_a_chain_of_elementwise_ops_takes_one_place(model, check):
    m = model()
    x = m.node("MatMul", m.input("x", (4, 8)), m.random(8, 8))
    for _ in range(3):
        x = m.node("Add", m.node("Softmax", x, axis=-1), m.constant(np.arange(8, dtype=np.float32)))
    m.output(x)
    plan = check(m).plan
    assert len({plan.tensors[op["y"]].offset for op in plan.ops}) == 1


def rows(m, x, begin, end):
    """Rows of a matrix, which lie together."""
    return m.node("Slice", x, m.constant(np.array([begin])), m.constant(np.array([end])), m.constant(np.array([0])))


@pytest.fixture
def matrix(model, check):
    """Builds a model around a function of a computed matrix of 8 by 4, checks its results, and gives the ops."""

    def build(body):
        m = model()
        x = m.node("MatMul", m.input("x", (8, 4)), m.random(4, 4))
        m.output(m.node("MatMul", body(m, x), m.random(4, 3)))
        return check(m)

    return build


def test_rows_of_a_matrix_are_a_part_of_it(matrix):
    found = matrix(lambda m, x: rows(m, rows(m, x, 1, 7), 2, 4))
    assert found.ops == ["dense_f32", "dense_f32"]
    made, read = (found.plan.tensors[op[name]] for op, name in zip(found.plan.ops, "yx"))
    assert read.offset == made.offset + 3 * 16


def test_what_is_a_part_may_be_reshaped(matrix):
    ops = matrix(lambda m, x: m.node("Reshape", rows(m, x, 2, 6), m.constant(np.array([2, 2, 4])))).ops
    assert ops == ["dense_f32", "dense_f32"]


def test_a_sum_is_not_written_onto_a_part(matrix):
    plan = matrix(lambda m, x: m.node("Add", rows(m, x, 0, 4), rows(m, x, 4, 8))).plan
    found = places(plan, "add_f32")
    assert found["b"] == found["a"] + 64
    assert found["y"] not in range(found["a"], found["a"] + 128)


def test_a_matrix_is_not_written_over_while_its_rows_are_read(matrix):
    found = places(matrix(lambda m, x: m.node("Add", x, rows(m, x, 0, 1))).plan, "add_f32")
    assert found["b"] == found["a"] != found["y"]


@pytest.mark.parametrize("begin", [0, 3])
def test_a_part_that_is_an_output_is_copied(model, check, begin):
    m = model()
    x = m.node("MatMul", m.input("x", (8, 4)), m.random(4, 4))
    m.output(rows(m, x, begin, begin + 2))
    m.output(m.node("Reshape", rows(m, x, begin, begin + 2), m.constant(np.array([4, 2]))))
    assert check(m).ops == ["dense_f32", "strided", "copy"]


def test_rows_that_begin_at_no_multiple_of_16_bytes_are_moved(model, check):
    m = model()
    x = m.node("MatMul", m.input("x", (8, 3)), m.random(3, 3))
    m.output(m.node("MatMul", rows(m, x, 1, 3), m.random(3, 2)))
    assert check(m).ops == ["dense_f32", "strided", "dense_f32"]


def test_ops_write_in_place_where_the_specification_says_so():
    (said,) = re.findall(
        r"overlaps no operand of its op, except that (.*?) may write exactly", SPECIFICATION.read_text()
    )
    codes = set()
    for first, last in re.findall(r"(\d+)(?: to (\d+))?", said):
        codes |= set(range(int(first), int(last or first) + 1))
    assert {op.code for op in BY_CODE.values() if op.in_place} == codes & set(BY_CODE)
