"""Coupling of pairwise probabilities, by itself and against what it is to solve."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from . import oracle, plans
from .cornered import Cornered
from .flavours import hold
from .test_products import QUICK

F = np.float32


@QUICK
@given(classes=st.integers(2, 9), rows=st.integers(1, 3), sharp=st.floats(0.1, 9), seed=st.integers(0, 2**32 - 1))
def test_coupling_agrees_with_the_oracle_in_every_way_it_can_run(classes, rows, sharp, seed):
    scores = np.random.default_rng(seed).normal(size=(rows, classes * (classes - 1) // 2)) * sharp
    x = np.clip(1 / (1 + np.exp(-scores)), 1e-7, 1 - 1e-7).astype(F)
    hold(plans.coupling(x, classes), [x], oracle.coupling(x, classes))


def test_probabilities_that_pairs_agree_on_are_found_again():
    p = np.array([0.5, 0.3, 0.15, 0.05])
    x = np.array([[p[i] / (p[i] + p[j]) for i in range(4) for j in range(i + 1, 4)]], F)
    np.testing.assert_allclose(oracle.coupling(x, 4)[0], p, atol=0.01)


@pytest.mark.parametrize(("pairs", "classes"), [(3, 2), (6, 3), (1, 1), (257 * 128, 257)])
def test_pairs_that_are_not_those_of_the_classes_are_refused(pairs, classes):
    assert Cornered(plans.coupling(np.full((1, pairs), 0.5, F), classes)).status == 11
