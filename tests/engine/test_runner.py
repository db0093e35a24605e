"""The native wrapper: stepping, refusals, closing, pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wasmtime import Engine, Instance, Module, Store

from edgefn.engine import library
from edgefn.engine.library import FLAVOURS
from edgefn.engine.standalone import Runner
from edgefn.errors import BuildError, ModelError, UsageError

from . import plans
from .plan_builder import PlanBuilder
from .test_products import QUICK

F = np.float32
FLAVOUR = pytest.mark.parametrize("flavour", FLAVOURS)
X = np.arange(-4, 4).astype(F)


def two_ops() -> bytes:
    """clamp to at least 0, then clamp to at most 2."""
    b = PlanBuilder()
    x, between, y = (b.tensor("float32", (8,)) for _ in range(3))
    b.op(13, x, between, 0.0, float("inf"))
    b.op(13, between, y, -float("inf"), 2.0)
    return b.build([x], [y])


def test_ops_can_be_run_one_by_one_and_tensors_looked_at_in_between():
    with Runner(two_ops()) as runner:
        runner.write([X])
        runner.run_op(0)
        np.testing.assert_array_equal(np.frombuffer(runner.tensor(1), F), np.maximum(X, 0))
        runner.run_op(1, reference=True)
        np.testing.assert_array_equal(np.frombuffer(runner.tensor(2), F), np.clip(X, 0, 2))


def test_an_op_that_is_not_there_is_refused():
    with Runner(two_ops()) as runner, pytest.raises(ModelError, match="fewer ops"):
        runner.run_op(2)


def test_a_bad_plan_is_refused_with_the_place_and_the_reason():
    with pytest.raises(ModelError, match="op 0: a parameter of an op is out of range") as caught:
        Runner(plans.unary(14, np.zeros(3, np.int8), "int8", (3,), 5, 4))
    assert caught.value.code == "EFN-M030"


@pytest.mark.parametrize("inputs", [[], [bytes(32), bytes(32)], [bytes(31)]])
def test_inputs_of_another_number_or_size_are_refused(inputs):
    with Runner(two_ops()) as runner, pytest.raises(ModelError, match="the model"):
        runner.run(inputs)


def test_a_closed_runner_says_so_and_closing_twice_is_fine():
    runner = Runner(two_ops())
    runner.close()
    runner.close()
    with pytest.raises(ValueError, match="closed"):
        runner.run([X])


def test_deadline_checks_do_not_change_results():
    with Runner(two_ops(), epochs=True) as runner:
        np.testing.assert_array_equal(np.frombuffer(runner.run([X])[0], F), np.clip(X, 0, 2))


@FLAVOUR
@QUICK
@given(data=st.binary(max_size=70), signed=st.booleans())
def test_pixels_become_floats_by_one_product_and_one_sum(flavour, data, signed):
    pixels = np.frombuffer(data, np.int8 if signed else np.uint8)
    with Runner(two_ops(), flavour) as runner:
        got = np.frombuffer(runner.affine(data, 1 / 255, -0.5, signed=signed), F)
    np.testing.assert_array_equal(got, pixels.astype(F) * F(1 / 255) + F(-0.5))


@FLAVOUR
@pytest.mark.parametrize("reference", [False, True])
def test_what_a_plan_keeps_goes_from_run_to_run_until_it_is_reset(flavour, reference):
    first, x = np.arange(5, dtype=F), np.ones(5, F)
    with Runner(plans.accumulate(first), flavour) as runner:
        sums = [np.frombuffer(runner.run([x], reference=reference)[0], F) for _ in range(3)]
        np.testing.assert_array_equal(sums, [first + 1, first + 2, first + 3])
        runner.reset()
        np.testing.assert_array_equal(np.frombuffer(runner.run([x])[0], F), first + 1)


def test_a_module_without_a_plan_refuses_to_start():
    engine = Engine()
    store = Store(engine)
    exports = Instance(store, Module(engine, library.module_path("simd128").read_bytes()), []).exports(store)
    assert exports["efn_start"](store) != 0


@FLAVOUR
def test_the_compiled_engine_is_small(flavour):
    """With every op; a standalone module holds only those that its plan uses."""
    assert library.module_path(flavour).stat().st_size < 250_000
    assert library.extension_path(flavour).stat().st_size < 250_000


def test_an_engine_that_was_not_built_is_an_error_with_the_command_that_builds_it(tmp_path, monkeypatch):
    monkeypatch.setattr(library, "LIBRARY", tmp_path)
    with pytest.raises(BuildError) as caught:
        library.extension_path("simd128")
    assert "pip install -e ." in caught.value.hint


def test_an_unknown_flavour_is_an_error_that_names_the_known_ones():
    with pytest.raises(UsageError) as caught:
        library.module_path("avx512")
    assert "relaxed-simd" in caught.value.hint
