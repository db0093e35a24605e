"""Sequences inside a model, compared with ONNX's reference evaluator: no op is left of them."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from edgefn.errors import ModelError, UnsupportedError


@pytest.fixture
def m(model):
    m = model()
    m.input("x", (2, 6))
    return m


def whole(m, value):
    return m.constant(np.array(value))


def test_tensors_are_put_in_and_taken_out(m, check):
    first = m.node("SequenceConstruct", "x", m.node("Exp", "x"))
    more = m.node("SequenceInsert", first, m.node("Tanh", "x"), whole(m, 1))
    less = m.node("SequenceErase", more, whole(m, -1))
    m.output(m.node("SequenceAt", less, whole(m, 1)))
    assert check(m).ops == ["unary_f32"]


def test_a_list_that_grows_from_nothing_is_concatenated(m, check):
    held = m.node("SequenceEmpty", dtype=TensorProto.FLOAT)
    for op in ("Exp", "Tanh", "Neg"):
        held = m.node("SequenceInsert", held, m.node(op, "x"))
    m.output(m.node("ConcatFromSequence", held, axis=1))
    m.output(m.node("ConcatFromSequence", held, axis=-1, new_axis=1))
    m.output(m.node("SequenceLength", held), "i64")
    check(m)


@pytest.mark.parametrize("sizes", [None, 4, [1, 2, 3]])
def test_a_tensor_is_split(m, check, sizes):
    parts = m.node("SplitToSequence", "x", *([whole(m, sizes)] if sizes else []), axis=1)
    m.output(m.node("SequenceAt", parts, whole(m, 1)))
    check(m)


def test_a_tensor_is_split_into_what_has_no_axis_for_it(m, check):
    m.output(m.node("SequenceAt", m.node("SplitToSequence", "x", axis=1, keepdims=0), whole(m, -2)))
    check(m)


def test_a_sequence_is_no_tensor(m, compiled):
    m.output(m.node("Exp", m.node("SequenceConstruct", "x")))
    with pytest.raises(UnsupportedError, match="'t0_0' is a sequence"):
        compiled(m)


def test_a_tensor_is_no_sequence(m, compiled):
    m.output(m.node("SequenceAt", "x", whole(m, 0)))
    with pytest.raises(ModelError, match="'x' is no sequence"):
        compiled(m)


def test_a_sequence_as_an_output_is_refused(m, compiled):
    m.output(m.node("SequenceConstruct", "x"))
    with pytest.raises(UnsupportedError, match="'t0_0' is a sequence"):
        compiled(m)


def test_a_choice_between_sequences_is_refused(m, compiled):
    m.input("p", (), "bool")
    held = m.node("SequenceConstruct", "x")
    yes, no = (
        helper.make_graph(
            [helper.make_node("Identity", [held], [name])],
            name,
            [],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)],
        )
        for name in ("yes", "no")
    )
    m.output(m.node("If", "p", then_branch=yes, else_branch=no))
    with pytest.raises(UnsupportedError, match="sequence"):
        compiled(m)


@pytest.mark.parametrize(("op", "place"), [("SequenceAt", 2), ("SequenceAt", -3), ("SequenceErase", 2)])
def test_positions_outside_are_malformed(m, compiled, op, place):
    m.output(m.node(op, m.node("SequenceConstruct", "x", "x"), whole(m, place)))
    with pytest.raises(ModelError, match=f"position {place} among 2"):
        compiled(m)


def test_an_empty_sequence_holds_nothing_to_take(m, compiled):
    empty = m.node("SequenceEmpty")
    m.output(m.node("ConcatFromSequence", m.node("SequenceErase", empty), axis=0))
    with pytest.raises(ModelError, match="empty"):
        compiled(m)


@pytest.mark.parametrize("sizes", [0, -1, [1, 2], [6, 0], [7, -1]])
def test_sizes_that_are_no_parts_are_malformed(m, compiled, sizes):
    m.output(m.node("SequenceAt", m.node("SplitToSequence", "x", whole(m, sizes), axis=1), whole(m, 0)))
    with pytest.raises(ModelError, match="parts of"):
        compiled(m)


def test_tensors_that_do_not_fit_are_malformed(m, compiled):
    m.output(m.node("ConcatFromSequence", m.node("SequenceConstruct", "x", m.random(2, 2)), axis=0))
    with pytest.raises(ModelError, match="along axis 0"):
        compiled(m)
