"""What is added behind a layer becomes its bias where every element gets what its channel gets, and only there."""

import numpy as np
import pytest


def addends(rows, columns, *, alike):
    return np.tile(np.arange(columns), (rows, 1)) + (0 if alike else np.arange(rows)[:, None])


@pytest.mark.parametrize("alike", [True, False], ids=["alike", "by place"])
def test_what_is_added_to_copies_is_a_bias_only_if_all_get_the_same(model, check, alike):
    m = model()
    y = m.node("MatMul", m.input("x", (1, 1, 3)), m.random(3, 4))
    copies = m.node("Expand", y, m.constant(np.array([1, 5, 4])))
    m.output(m.node("Add", copies, m.constant(addends(5, 4, alike=alike).astype(np.float32))))
    assert (check(m).ops[-1] == "strided") == alike


@pytest.mark.parametrize("indices", [[1, 1], [0, 1, 1, 2], [2, 0, 2]])
def test_what_is_added_to_one_of_the_rows_twice_is_no_bias(model, check, indices):
    m = model()
    y = m.node("MatMul", m.input("x", (3, 3)), m.random(3, 4))
    picked = m.node("Gather", y, m.constant(np.array(indices)), axis=0)
    added = addends(len(indices), 4, alike=False).astype(np.float32)
    m.output(m.node("Add", picked, m.constant(added)))
    assert check(m).ops[-1] in {"add_f32", "binary"}


def test_a_quantized_vector_added_to_layers_side_by_side_is_taken_as_it_is(model, check):
    m = model()
    x = m.input("x", (2, 3))
    both = m.node("Concat", m.node("MatMul", x, m.random(3, 4)), m.node("MatMul", x, m.random(3, 4)), axis=-1)
    value = (m.constant(np.arange(8, dtype=np.int8)), m.constant(np.float32(0.1)), m.constant(np.int8(0)))
    m.output(m.node("Add", both, m.node("DequantizeLinear", *value)))
    check(m)
