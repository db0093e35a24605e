"""Pools: SIMD, reference and oracle agree; padding never counts as a value."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from . import oracle, plans
from .flavours import hold
from .plans import Window
from .test_products import QUICK, values

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.int8], ids=["f32", "i8"])


@st.composite
def pools(draw):
    """A window without dilation, an input [N][H][W] and an output size."""

    def axis():
        kernel, stride = draw(st.integers(1, 5)), draw(st.integers(1, 3))
        pad, size = draw(st.integers(0, kernel - 1)), draw(st.integers(1, 9))
        return kernel, stride, pad, size, draw(st.integers(1, (size + pad - 1) // stride + 1))

    rows, columns = axis(), axis()
    window = Window(rows[0], columns[0], rows[1], columns[1], 1, 1, rows[2], columns[2])
    return window, (draw(st.integers(1, 2)), rows[3], columns[3]), (rows[4], columns[4])


def words(window: Window) -> tuple[int, ...]:
    return (*window.words[:4], *window.words[6:])


@DTYPES
@QUICK
@given(pool=pools(), c=st.integers(1, 37), seed=st.integers(0, 2**32 - 1))
def test_a_max_pool_agrees_with_the_oracle_in_every_way_it_can_run(dtype, pool, c, seed):
    window, shape, out = pool
    x = values(np.random.default_rng(seed), dtype, (*shape, c))
    plan = plans.unary(12 if dtype == np.int8 else 11, x, x.dtype.name, (shape[0], *out, c), *words(window))
    hold(plan, [x], oracle.max_pool(x, window, out))


@QUICK
@given(pool=pools(), c=st.integers(1, 19), count_padding=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_an_f32_average_pool_agrees_with_the_oracle_in_every_way_it_can_run(pool, c, count_padding, seed):
    window, shape, out = pool
    x = values(np.random.default_rng(seed), np.float32, (*shape, c))
    plan = plans.unary(9, x, "float32", (shape[0], *out, c), *words(window), count_padding)
    hold(plan, [x], oracle.average_pool(x, window, out, count_padding))


@QUICK
@given(pool=pools(), c=st.integers(1, 37), count_padding=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_an_i8_average_pool_agrees_with_the_oracle_in_every_way_it_can_run(pool, c, count_padding, seed):
    window, shape, out = pool
    rng = np.random.default_rng(seed)
    x = values(rng, np.int8, (*shape, c))
    quantized = (int(rng.integers(-128, 128)), float(rng.random() + 0.1), int(rng.integers(-128, 128)), -100, 127)
    plan = plans.unary(10, x, "int8", (shape[0], *out, c), *words(window), count_padding, *quantized)
    hold(plan, [x], oracle.average_pool(x, window, out, count_padding, quantized))


@pytest.mark.parametrize("c", [1, 3, 4, 7, 8])
def test_a_mean_of_many_is_as_good_as_one_in_f64(c):
    """Thousands of values that differ little from each other: summed in f32 the mean would be wrong by 1e-5."""
    x = (100 + np.random.default_rng(c).normal(0, 1e-3, (2, 80, 60, c))).astype(np.float32)
    expected = x.astype(np.float64).mean(axis=(1, 2), keepdims=True)
    window = Window(80, 60)
    plan = plans.unary(9, x, "float32", (2, 1, 1, c), *words(window), 0)
    hold(plan, [x], oracle.average_pool(x, window, (1, 1), False))
    np.testing.assert_array_max_ulp(oracle.average_pool(x, window, (1, 1), False), expected.astype(np.float32), 1)
