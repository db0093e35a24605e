"""reduce and arg, over rows and over columns."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefn.engine.standalone import Runner

from . import plans
from .cornered import Cornered
from .flavours import hold
from .test_products import QUICK

F = np.float32
SEEDS = st.integers(0, 2**32 - 1)
NAMES = ("sum", "mean", "max", "min", "prod", "l1", "l2", "sum_square", "log_sum", "log_sum_exp")
FUNCTIONS = {
    "sum": lambda x: x.sum(1),
    "mean": lambda x: x.mean(1),
    "max": lambda x: x.max(1),
    "min": lambda x: x.min(1),
    "prod": lambda x: x.prod(1),
    "l1": lambda x: np.abs(x).sum(1),
    "l2": lambda x: np.sqrt((x * x).sum(1)),
    "sum_square": lambda x: (x * x).sum(1),
    "log_sum": lambda x: np.log(x.sum(1)),
    "log_sum_exp": lambda x: np.log(np.exp(x).sum(1)),
}
SIZES = {"outer": st.integers(1, 3), "n": st.integers(1, 19), "inner": st.integers(1, 11)}


def run(name: str, x: np.ndarray) -> np.ndarray:
    outer, n, inner = x.shape
    plan = plans.unary(37, x, x.dtype.name, (outer, inner), NAMES.index(name), n, inner)
    with Runner(plan) as runner:
        y = np.frombuffer(runner.run([x])[0], x.dtype).reshape(outer, inner)
    hold(plan, [x], y)
    return y


@pytest.mark.parametrize("name", NAMES)
@QUICK
@given(**SIZES, seed=SEEDS)
def test_a_reduction_of_floats_is_that_of_f64_in_every_way_it_can_run(name, outer, n, inner, seed):
    rng = np.random.default_rng(seed)
    x = (rng.standard_normal((outer, n, inner)) * 3).astype(F)
    x = np.abs(x) if name == "log_sum" else x
    np.testing.assert_allclose(run(name, x), FUNCTIONS[name](x.astype(np.float64)), rtol=1.5e-7, atol=2e-7)


@pytest.mark.parametrize("name", NAMES[:5])
@QUICK
@given(**SIZES, seed=SEEDS)
def test_a_reduction_of_integers_is_cut_and_saturates(name, outer, n, inner, seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(-(2**31), 2**31, (outer, n, inner)) // rng.choice([1, 2**28])
    wide = np.trunc(FUNCTIONS[name](x.astype(np.float64)))
    np.testing.assert_array_equal(run(name, x.astype(np.int32)), np.clip(wide, -(2**31), 2**31 - 1).astype(np.int32))


def test_a_sum_of_a_million_floats_is_rounded_once():
    x = np.random.default_rng(1).random((1, 1 << 20, 1)).astype(F)
    assert run("sum", x)[0, 0] == F(math.fsum(x.ravel().tolist()))


def test_what_is_not_finite_goes_where_it_does_in_mathematics():
    x = np.array([[[np.nan], [1], [2], [3], [4]], [[np.inf], [1], [2], [3], [4]], [[-np.inf]] * 5], F)
    with np.errstate(all="ignore"):
        for name in ("sum", "max", "min", "l2"):
            np.testing.assert_array_equal(run(name, x), FUNCTIONS[name](x))
    np.testing.assert_array_equal(run("log_sum_exp", x)[1:, 0], [np.inf, -np.inf])
    np.testing.assert_array_equal(run("log_sum_exp", np.full((1, 3, 1), 200, F)), F(200 + math.log(3)))


@pytest.mark.parametrize("dtype", [F, np.int32, np.int8, np.uint8])
@QUICK
@given(**SIZES, smallest=st.booleans(), last=st.booleans(), seed=SEEDS)
def test_an_index_is_that_of_the_first_or_the_last_of_the_largest(dtype, outer, n, inner, smallest, last, seed):
    x = np.random.default_rng(seed).integers(0, 5, (outer, n, inner)).astype(dtype)
    value = (x.min if smallest else x.max)(axis=1, keepdims=True)
    places = np.where(x == value, np.arange(n)[:, None], -1 if last else n)
    expected = (places.max if last else places.min)(axis=1).astype(np.int32)
    hold(plans.unary(38, x, "int32", expected.shape, smallest, last, n, inner), [x], expected)


@pytest.mark.parametrize(
    ("code", "parameters", "status"),
    [
        (37, (10, 3, 2), 12),
        (37, (0, 0, 2), 12),
        (37, (0, 3, 0), 12),
        (37, (0, 2, 2), 11),
        (37, (0, 2**31, 2), 11),
        (37, (0, 3, 3), 12),
        (38, (2, 0, 3, 2), 12),
    ],
)
def test_spans_that_do_not_fit_are_refused(code, parameters, status):
    x = np.ones((2, 3, 2), F)
    assert Cornered(plans.unary(code, x, "float32" if code == 37 else "int32", (2, 2), *parameters)).status == status


@QUICK
@given(data=st.data(), smallest=st.booleans(), dtype=st.sampled_from([np.float32, np.int32]))
def test_the_best_of_a_row_come_in_order(data, smallest, dtype):
    n, rows = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 3))
    k = data.draw(st.integers(1, n))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    x = rng.integers(-5, 6, (rows, n)).astype(dtype)  # many are equal
    if dtype == np.float32:
        x[rng.random((rows, n)) < 0.1] = -0.0
    order = np.argsort(x if smallest else -x, axis=1, kind="stable")
    hold(plans.unary(51, x, "int32", (rows, k), int(smallest)), [x], order[:, :k].astype(np.int32))


def test_nan_is_worse_than_all():
    x = np.array([np.nan, 2, -np.inf, np.nan, 5], np.float32)
    hold(plans.unary(51, x, "int32", (5,), 0), [x], np.array([4, 1, 2, 0, 3], np.int32))
    hold(plans.unary(51, x, "int32", (3,), 1), [x], np.array([2, 1, 4], np.int32))
