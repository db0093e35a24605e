"""matmul_q8: SIMD, reference and numpy agree in both arithmetics; what does not fit is refused."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from . import oracle, plans
from .cornered import Cornered
from .flavours import hold
from .plans import Product

BYTES = st.integers(-128, 127)
FACTORS = st.one_of(
    st.tuples(st.integers(2**30, 2**31 - 1) | st.just(0), st.integers(-20, 3)), st.floats(1e-6, 2.0) | st.just(2.0**-9)
)


def product(a, b, of: Product) -> np.ndarray:
    """`[batch, m, k]` by `[batch, k, n]`."""
    total = oracle.wrapped((a.astype(np.int64) - of.zeros[0]) @ (b.astype(np.int64) - of.zeros[1]))
    v = oracle.scaled(total, *of.factor) if isinstance(of.factor, tuple) else oracle.nearest(total * of.factor)
    return oracle.ended(v, of.zeros[2], of.low, of.high)


@settings(max_examples=120, deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 19), st.integers(1, 23)),
    shared=st.sampled_from(["", "a", "b"]),
    turned=st.booleans(),
    factor=FACTORS,
    zeros=st.tuples(BYTES, BYTES, BYTES),
    bounds=st.tuples(BYTES, BYTES),
    seed=st.integers(0, 2**32 - 1),
)
def test_matrices_are_multiplied_in_both_arithmetics(sizes, shared, turned, factor, zeros, bounds, seed):
    rng, (batch, m, n, k) = np.random.default_rng(seed), sizes
    a = rng.integers(-128, 128, (1 if shared == "a" else batch, m, k), np.int8)
    b = rng.integers(-128, 128, (1 if shared == "b" else batch, k, n), np.int8)
    stored = np.ascontiguousarray(b.swapaxes(1, 2)) if turned else b
    steps = (m * k * (shared != "a"), n * k * (shared != "b"), *((1, k) if turned else (n, 1)))
    of = Product(*sizes, *steps, factor, zeros, min(bounds), max(bounds))
    hold(plans.matmul_q8(a, stored, of), [a, stored], product(a, b, of))


@pytest.mark.parametrize("shape", [(1, 40, 33), (97, 16, 24), (200, 9, 7), (5, 1, 64), (4, 8, 300)])
def test_matrices_of_several_blocks_are_multiplied(shape):
    rng, (m, n, k) = np.random.default_rng(sum(shape)), shape
    a, b = rng.integers(-128, 128, (1, m, k), np.int8), rng.integers(-128, 128, (1, k, n), np.int8)
    of = Product(1, m, n, k, 0, 0, n, 1, (2**30 + 12345, -9), (3, -5, 1))
    hold(plans.matmul_q8(a, b, of), [a, b], product(a, b, of))


GOOD = Product(2, 3, 4, 5, 15, 20, 4, 1, (2**30, -5))


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 0),
        ({"a_step": 16}, 11),
        ({"b_step": 21}, 11),
        ({"b_row": 5}, 11),
        ({"b_column": 2**31}, 12),
        ({"k": 6}, 11),
        ({"m": 4}, 11),
        ({"factor": (2**29, -5)}, 12),
        ({"factor": (2**30, 31)}, 12),
        ({"factor": -1.0}, 12),
        ({"factor": float("nan")}, 12),
        ({"factor": float("inf")}, 12),
        ({"zeros": (0, 200, 0)}, 12),
        ({"low": 1, "high": 0}, 12),
    ],
)
def test_what_reads_behind_its_operand_or_is_out_of_range_is_refused(changes, status):
    a, b = np.ones((2, 3, 5), np.int8), np.ones((2, 5, 4), np.int8)
    assert Cornered(plans.matmul_q8(a, b, replace(GOOD, **changes))).status == status
