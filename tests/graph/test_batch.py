"""Models that take any number of items: compiled for one, run for each."""

import numpy as np
import pytest
from tests.engine import plans

from edgefn.engine.library import FLAVOURS
from edgefn.engine.standalone import Runner
from edgefn.errors import ModelError
from edgefn.graph.batch import MAX_BATCH, batch_of
from edgefn.graph.plan import read_plan, write_plan


@pytest.fixture
def rows(model, compiled):
    """x [n, 4] to its softmax and its clamped self."""

    def build(batch="n", dims=None) -> bytes:
        m = model()
        x = m.input("x", (batch, 4))
        m.output(m.node("Softmax", m.node("MatMul", x, m.random(4, 3))), shape=(batch, 3))
        m.output(m.node("Relu", x), shape=(batch, 4))
        return compiled(m, dims=dims).plan

    return build


def test_a_plan_says_that_its_batch_is_open(rows):
    assert batch_of(read_plan(rows())) == MAX_BATCH


@pytest.mark.parametrize("fixed", [{"batch": 1}, {"dims": {"n": 1}}, {"dims": {"n": 5}}])
def test_a_plan_that_was_compiled_for_a_number_of_items_takes_exactly_that(rows, fixed):
    assert batch_of(read_plan(rows(**fixed))) == 1


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_many_items_give_what_each_gives(rows, flavour):
    x = np.random.default_rng(1).normal(size=(7, 4)).astype(np.float32)
    with Runner(rows(), flavour) as runner:
        each = [runner.run([x[i : i + 1]]) for i in range(7)]
        assert runner.run([x]) == [b"".join(parts) for parts in zip(*each, strict=True)]


@pytest.mark.parametrize("items", [0, MAX_BATCH + 1])
def test_no_items_and_too_many_are_refused(rows, items):
    with Runner(rows()) as runner, pytest.raises(ModelError, match="the model's has 16"):
        runner.run([np.zeros((items, 4), np.float32)])


def test_many_items_are_refused_by_a_plan_for_one(rows):
    with Runner(rows(batch=1)) as runner, pytest.raises(ModelError, match="the model's has 16"):
        runner.run([np.zeros((2, 4), np.float32)])


@pytest.mark.parametrize("batch", [0, 1, "many", None, [], 1 << 40])
def test_what_meta_says_beyond_the_format_is_no_batch(rows, batch):
    plan = read_plan(rows())
    assert batches(plan, batch) == {1}


@pytest.mark.parametrize(("batch", "taken"), [(2, 2), (MAX_BATCH, MAX_BATCH), (MAX_BATCH + 1, 1), (5_000, 1), (-3, 1)])
def test_a_batch_is_of_two_items_and_at_most_as_many_as_the_format_allows(rows, batch, taken):
    assert batches(read_plan(rows()), batch) == {taken}


def test_a_plan_of_several_items_has_no_open_batch_whatever_it_says(rows):
    assert batches(read_plan(rows(batch=2)), 8) == {1}


def test_a_plan_with_a_state_has_no_open_batch_whatever_it_says():
    assert batches(read_plan(plans.accumulate(np.ones((1, 4), np.float32))), 8) == {1}


def batches(plan, said) -> set[int]:
    """What the compiler's side and the engine's take from a plan that says so: the same."""
    plan.meta["batch"] = said
    with Runner(write_plan(plan)) as runner:
        return {batch_of(plan), runner.batch}
