"""Dynamic quantization: ranges, integers and products are exact, the same bits in every way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgefn.engine.library import FLAVOURS
from edgefn.engine.standalone import Runner

from . import oracle, plans
from .cornered import Cornered
from .flavours import hold
from .plan_builder import PlanBuilder
from .plans import Columns, Layer
from .test_elements import SPECIAL

F = np.float32
QUICK = settings(max_examples=40, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)
ROWS = st.sampled_from([(), (1,), (2,), (3,), (5,), (2, 3), (97,)])


def quantized(x):
    """As ONNX defines DynamicQuantizeLinear, and the range of what is constant zero as ONNX Runtime has it."""
    least, most = F(min(0, np.nanmin(x))), F(max(0, np.nanmax(x)))
    with np.errstate(all="ignore"):
        scale = F(1) if least == most else F(most - least) / F(255)
        zero = np.rint(np.clip(np.nan_to_num(F(0) - least / scale, posinf=np.inf), 0, 255))
        steps = x / scale
    return oracle.narrow(np.where(np.isnan(steps), F(0), steps), int(zero) - 128, -128, 127), np.array([scale, zero], F)


@QUICK
@given(n=st.integers(1, 70), kind=st.sampled_from(["mixed", "positive", "negative", "zero", "special"]), seed=SEEDS)
def test_a_tensor_is_quantized_by_its_own_range(n, kind, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n).astype(F) * F(10.0 ** rng.integers(-3, 4))
    match kind:
        case "positive" | "negative":
            x = np.abs(x) * F(1 if kind == "positive" else -1)
        case "zero":
            x = x * F(0)
        case "special":
            x = np.where(rng.random(n) < 0.3, rng.choice(SPECIAL, n), x).astype(F)
            x[0] = 1
    wanted = quantized(x)
    for flavour in FLAVOURS:
        with Runner(plans.dynamic_quantize(x), flavour) as runner:
            for reference in (False, True):
                integers, steps = runner.run([x], reference=reference)
                np.testing.assert_array_equal(np.frombuffer(steps, F), wanted[1])
                np.testing.assert_array_equal(np.frombuffer(integers, np.int8), wanted[0])


def columns(rng, m, k, *, narrow):
    extras = np.stack([rng.integers(0, m, 4), rng.integers(0, k, 4), rng.integers(-3, 4, 4)], axis=1)
    low, high = (0, 128) if narrow else (-128, 128)
    return Columns(rng.integers(low, high, (m, k)).astype(np.int8), rng.integers(-128, 128, m), extras, int(narrow))


def sums(x, zero, weights):
    return (x.astype(np.int64) - zero) @ weights.whole.T


@QUICK
@given(rows=ROWS, k=st.integers(1, 70), m=st.integers(1, 35), narrow=st.booleans(), seed=SEEDS)
def test_a_product_of_integers_is_exact(rows, k, m, narrow, seed):
    rng = np.random.default_rng(seed)
    x, weights = rng.integers(-128, 128, (*rows, k)).astype(np.int8), columns(rng, m, k, narrow=narrow)
    zero = np.array(rng.integers(-128, 128), np.int8)
    wanted = sums(x, int(zero), weights).astype(np.int32)
    hold(plans.dense_integer(x, weights), [x, zero], wanted)


@QUICK
@given(rows=ROWS, k=st.integers(1, 70), m=st.integers(1, 35), narrow=st.booleans(), seed=SEEDS)
def test_a_product_ends_in_floats_with_one_rounding_a_step(rows, k, m, narrow, seed):
    rng = np.random.default_rng(seed)
    x, weights = rng.integers(-128, 128, (*rows, k)).astype(np.int8), columns(rng, m, k, narrow=narrow)
    scales, bias = (rng.random(m) * 0.01).astype(F), rng.standard_normal(m).astype(F)
    steps = np.array([rng.random() * 0.1 + 1e-3, rng.integers(0, 256)], F)
    layer = Layer(bias, rng.choice([-np.inf, 0.0]), rng.choice([np.inf, 6.0]))
    total = sums(x, int(steps[1]) - 128, weights).astype(F)
    wanted = np.minimum(np.maximum(total * (steps[0] * scales) + bias, F(layer.low)), F(layer.high))
    hold(plans.dense_dynamic(x, steps, weights, layer, scales), [x, steps], wanted)


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("rows", [1, 2, 4])
def test_the_largest_products_are_exact_and_wrap(rows, narrow):
    k = 2048
    weights = Columns(
        np.full((9, k), 127 if narrow else -128, np.int8), np.full(9, -128), np.zeros((1, 3), int), narrow
    )
    x = np.full((rows, k), -128, np.int8)
    wanted = sums(x, 127, weights).astype(np.int32)
    hold(plans.dense_integer(x, weights), [x, np.array(127, np.int8)], wanted)


@pytest.mark.parametrize("steps", [(np.nan, np.nan), (0, 300), (np.inf, -1), (1e38, 2.5), (-1, 1e38)])
def test_a_range_that_nobody_computed_does_no_harm(steps):
    x = np.linspace(-3, 3, 20, dtype=F)
    b = PlanBuilder()
    source, of, target = b.tensor("float32", (20,)), b.tensor("float32", (2,)), b.tensor("int8", (20,))
    b.op(47, source, of, target)
    inputs = [x, np.array(steps, F)]
    with Runner(b.build([source, of], [target])) as runner:
        assert runner.run(inputs) == runner.run(inputs, reference=True)


@pytest.mark.parametrize(("column", "step", "narrow"), [(9, 0, 0), (0, 12, 0), (-1, 0, 0), (0, 0, 2)])
def test_an_extra_outside_the_weights_is_refused(column, step, narrow):
    x, w = np.zeros((3, 12), np.int8), np.zeros((9, 12), np.int8)
    weights = Columns(w, np.zeros(9, int), np.zeros((1, 3), int), narrow)
    moved = Columns(w, weights.zeros, np.array([[column, step, 1]]), narrow)
    plan = plans.dense_integer(x, weights)
    assert (Cornered(plan).status == 0) == (narrow == 0)
    b = PlanBuilder()
    target, zero, source = b.tensor("int32", (3, 9)), b.tensor("int8", ()), b.tensor("int8", (3, 12))
    constants = [b.constant(np.zeros(16 * 12, np.int8)), *(b.constant(np.zeros(16, np.int32)) for _ in "sz")]
    extras = b.constant(moved.extras.astype(np.int32))
    b.op(54, source, zero, target, *constants, extras, narrow, b.reserve(4 * 12 * 2 + (4 + 16) * 4))
    assert Cornered(b.build([source, zero], [target])).status in {12, 13}
