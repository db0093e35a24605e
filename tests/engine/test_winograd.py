"""winograd: in i8 it is conv2d bit for bit, in f32 the oracle of its own arithmetic, and near to conv2d."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefn.graph.plan import read_plan
from edgefn.graph.reference import evaluate

from . import flavours, oracle, plans
from .cornered import Cornered
from .plans import Layer, Window
from .test_fixed_point import SEEDS, described, fixed, hold
from .test_products import DTYPES, QUICK, layer, spread, values

BAD_SHAPE, BAD_WEIGHTS = 11, 13
SIDES = st.tuples(st.integers(1, 9), st.integers(0, 2))


def size(side: tuple[int, int], beyond: int) -> int:
    """An output size whose windows begin inside the padded input."""
    return max(1, side[0] + side[1] - beyond)


@QUICK
@given(
    rows=SIDES,
    columns=SIDES,
    beyond=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    n=st.integers(1, 3),
    c=st.sampled_from([8, 16, 40]),
    m=st.integers(1, 19),
    kind=st.sampled_from(["f32", "i8", "q8"]),
    seed=SEEDS,
)
def test_it_agrees_with_the_oracle_in_every_way_it_can_run(rows, columns, beyond, n, c, m, kind, seed):
    rng = np.random.default_rng(seed)
    dtype = np.float32 if kind == "f32" else np.int8
    x = values(rng, dtype, (n, rows[0], columns[0], c))
    w = values(rng, dtype, (m, 3, 3, c), -127)
    pad, out = (rows[1], columns[1]), (size(rows, beyond[0]), size(columns, beyond[1]))
    after = fixed(rng, m, w[0].size) if kind == "q8" else layer(rng, dtype, m, w[0].size)
    plan = plans.winograd(x, w, pad, out, after)
    if kind == "f32":
        expected = oracle.winograd_f32(x, w, pad, out, after)
        flavours.hold(plan, [x], expected, scale=spread(dtype, 16 * c))
        np.testing.assert_array_equal(evaluate(read_plan(described(plan)), [x])[0], expected)
    else:
        window = Window(3, 3, pad_top=pad[0], pad_left=pad[1])
        hold(plan, [x], oracle.conv2d(x, w, window, out, after))


@pytest.mark.parametrize("x_zero", [-128, 127])
def test_the_largest_inputs_and_weights_of_the_most_channels_stay_exact(x_zero):
    rng = np.random.default_rng(1)
    x = np.where(rng.random((1, 4, 4, 2048)) < 0.9, 127 - 255 * (x_zero > 0), x_zero).astype(np.int8)
    for sign in (1, -1):
        w = np.full((2, 3, 3, 2048), 127 * sign, np.int8)
        w[1, 1] *= -1
        after = Layer(np.zeros(2, np.int32), -128, 127, np.full(2, 3e-6, np.float32), x_zero, 3)
        window = Window(3, 3, pad_top=1, pad_left=1)
        hold(plans.winograd(x, w, (1, 1), (4, 4), after), [x], oracle.conv2d(x, w, window, (4, 4), after))


def test_floats_err_no_more_than_a_convolution_does():
    rng = np.random.default_rng(2)
    x, w = rng.standard_normal((1, 16, 16, 64)).astype(np.float32), rng.standard_normal((32, 3, 3, 64)) * 0.1
    w = w.astype(np.float32)
    after = Layer(np.zeros(32, np.float32), -np.inf, np.inf)
    taps = oracle.taps(x.astype(np.float64), Window(3, 3, pad_top=1, pad_left=1), (16, 16), 0)
    exact = np.concatenate(taps, axis=-1) @ w.reshape(32, -1).T.astype(np.float64)
    error = np.abs(oracle.winograd_f32(x, w, (1, 1), (16, 16), after) - exact)
    direct = np.abs(oracle.conv2d(x, w, Window(3, 3, pad_top=1, pad_left=1), (16, 16), after) - exact)
    assert np.sqrt(np.mean(error**2)) < np.sqrt(np.mean(direct**2))


@DTYPES
@pytest.mark.parametrize("c", [4, 12, 2056])
def test_channels_that_fill_no_lanes_and_too_many_are_refused(dtype, c):
    x, w = np.zeros((1, 4, 4, c), dtype), np.zeros((1, 3, 3, c), dtype)
    zeros = np.zeros(1, np.float32 if dtype == np.float32 else np.int32)
    after = Layer(zeros, *((-1.0, 1.0) if dtype == np.float32 else (-128, 127)), np.ones(1, np.float32))
    assert Cornered(plans.winograd(x, w, (0, 0), (2, 2), after)).status == BAD_SHAPE


@pytest.mark.parametrize("mult", [float("inf"), -float("inf"), float("nan")])
def test_a_multiplier_that_is_no_number_is_refused(mult):
    x, w = np.zeros((1, 4, 4, 8), np.int8), np.zeros((1, 3, 3, 8), np.int8)
    window, out = Window(3, 3), (2, 2)
    one, eight = (Layer(np.zeros(n, np.int32), -128, 127, np.full(n, mult, np.float32)) for n in (1, 8))
    made = (
        plans.winograd(x, w, (0, 0), out, one),
        plans.conv2d(x, w, window, out, one),
        plans.depthwise(x, w[0], window, out, eight),
        plans.dense(x[0, 0], w[:, 0, 0], one),
    )
    assert [Cornered(plan).status for plan in made] == [BAD_WEIGHTS] * 4
