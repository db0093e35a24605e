"""layer_norm: the same bits in every way, and closer to f64 than the formula as it is exported."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgefn.engine.standalone import Runner

from . import plans
from .cornered import Cornered
from .flavours import hold

F = np.float32


def total(row):
    parts = np.zeros(16, F)
    for i, v in enumerate(row):
        parts[i % 16] += v
    four = (parts[:4] + parts[4:8]) + (parts[8:12] + parts[12:])
    return (four[0] + four[1]) + (four[2] + four[3])


def normalized(row, gamma, beta, epsilon, centred):
    """As plan.md says it, one row."""
    n = F(len(row))
    mean = total(row) / n if centred else F(0)
    d = row - mean
    shift = total(d) / n if centred else F(0)
    variance = max(total(d * d) / n - shift * shift, F(0))
    scale = F(1 / np.sqrt(np.float64(variance) + np.float64(F(epsilon))))
    return (d - shift) * scale * gamma + beta


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 4),
    n=st.integers(1, 70),
    centred=st.integers(0, 1),
    offset=st.sampled_from([0, 3, -1000]),
    in_place=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_rows_are_normalized_in_the_order_that_is_specified(rows, n, centred, offset, in_place, seed):
    rng = np.random.default_rng(seed)
    x = (rng.standard_normal((rows, n)) + offset).astype(F)
    gamma, beta = rng.standard_normal((2, n)).astype(F)
    wanted = np.stack([normalized(row, gamma, beta, 1e-5, centred) for row in x])
    hold(plans.layer_norm(x, gamma, beta, 1e-5, centred, in_place=in_place), [x], wanted)


@pytest.mark.parametrize("offset", [0, 10, 1e4])
def test_rows_far_from_zero_stay_as_exact_as_their_numbers(offset):
    x = (np.random.default_rng(5).standard_normal((50, 384)) + offset).astype(F)
    wide = x.astype(np.float64)
    wanted = (wide - wide.mean(1, keepdims=True)) / np.sqrt(wide.var(1, keepdims=True) + 1e-12)
    with Runner(plans.layer_norm(x, np.ones(384, F), np.zeros(384, F), 1e-12, 1)) as runner:
        found = np.frombuffer(runner.run([x])[0], F).reshape(x.shape)
    assert (np.abs(found - wanted) / np.maximum(np.abs(wanted), 1)).max() < 3e-7


def test_a_row_of_one_value_is_its_beta():
    x = np.full((2, 33), 7.7, F)
    beta = np.linspace(-1, 1, 33, dtype=F)
    with Runner(plans.layer_norm(x, np.ones(33, F), beta, 1e-5, 1)) as runner:
        np.testing.assert_allclose(np.frombuffer(runner.run([x])[0], F), np.tile(beta, 2), atol=1e-6)


@pytest.mark.parametrize(
    ("gamma", "beta", "epsilon", "centred"),
    [(4, 4, 0.1, 1), (5, 3, 0.1, 1), (5, 5, -0.1, 1), (5, 5, np.inf, 0), (5, 5, 0.1, 2)],
)
def test_what_does_not_fit_is_refused(gamma, beta, epsilon, centred):
    x = np.ones((3, 5), F)
    plan = plans.layer_norm(x, np.ones(gamma, F), np.ones(beta, F), epsilon, centred)
    assert Cornered(plan).status in {11, 12}
