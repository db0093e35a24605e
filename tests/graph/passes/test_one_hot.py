"""Dense layers on one-hot vectors become gathers, functions of gathered rows functions of the table."""

import numpy as np
import pytest

K = 7


def one_hot(m, ids, count=K, first=0, dtype=np.int32):
    wide = m.node("Unsqueeze", ids, m.constant(np.array([-1])))
    classes = m.constant(np.arange(first, first + count, dtype=dtype))
    return m.node("Cast", m.node("Equal", wide, classes), to=1)


IDS = np.array([[0, 6, 3], [7, -1, 2]], np.int32)
FAR = np.array([[2**31 - 1, -(2**31), -2], [-K, -K - 1, 1]], np.int32)


@pytest.mark.parametrize("ids", [IDS, FAR], ids=["near", "far"])
@pytest.mark.parametrize("bias", [True, False])
def test_a_dense_layer_on_one_hot_vectors_picks_rows(model, check, ids, bias):
    m = model()
    y = m.node("MatMul", one_hot(m, m.input("ids", (2, 3), "i32")), m.random(K, 5))
    m.output(m.node("Add", y, m.random(5)) if bias else y)
    result = check(m, inputs=[ids])
    assert "dense_f32" not in result.ops
    assert "gather" in result.ops


def test_functions_of_the_rows_are_computed_for_the_table_once(model, check):
    m = model()
    y = m.node("MatMul", one_hot(m, m.input("ids", (2, 3), "i32")), m.random(K, 5))
    m.output(m.node("Tanh", m.node("Add", y, m.random(5))))
    assert check(m, inputs=[np.tile(IDS, (1, 1))]).ops[-1] != "gather"  # six rows of a table of nine: not worth it
    m = model()
    y = m.node("MatMul", one_hot(m, m.input("ids", (4, 3), "i32")), m.random(K, 5))
    m.output(m.node("Relu", m.node("Tanh", m.node("Add", y, m.random(5)))))
    assert check(m, inputs=[np.tile(IDS, (2, 1))]).ops == ["binary", "binary", "gather"]


@pytest.mark.parametrize("change", [{"first": 1}, {"count": K + 1}])
def test_vectors_of_other_classes_are_multiplied(model, check, change):
    m = model()
    count = change.get("count", K)
    x = one_hot(m, m.input("ids", (2, 3), "i32"), **change)
    m.output(m.node("MatMul", x, m.random(count, 5)))
    assert ("dense_f32" in check(m, inputs=[IDS]).ops) == ("first" in change)
