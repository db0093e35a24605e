"""Decision trees: SIMD, reference and oracle agree over tables of every form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from . import oracle, plans
from .cornered import Cornered
from .flavours import hold
from .plans import Forest
from .test_products import QUICK

F, U = np.float32, np.uint32
LAST = 2**31
SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, -1e-45], F)


def random_forest(rng, trees: int, features: int, targets: int, *, size: int = 24, aggregate: int = 0) -> Forest:
    """Every node leads to two random later ones, so that walks have many lengths and share their ends."""
    bits, n = 1 + int(features).bit_length(), size + 2
    steps = np.array([rng.integers(1, n - 1 - i) if i + 2 < n else 0 for i in range(n)])
    steps[rng.random(n) < 0.2] = 0
    words = steps << bits | rng.integers(0, features, n) << 1 | rng.integers(0, 2, n)
    entries = int(rng.integers(1, 30))
    targets_of = rng.integers(0, targets, entries) | np.where(rng.random(entries) < 0.5, LAST, 0)
    targets_of[-1] |= LAST
    weights = rng.standard_normal(entries).astype(F).view(U)
    thresholds = np.where(rng.random(n) < 0.2, rng.choice(SPECIAL, n), rng.standard_normal(n)).astype(F).view(U)
    return Forest(
        rng.integers(0, n, trees).astype(U),
        np.stack([np.where(steps, thresholds, rng.integers(0, entries, n)), np.where(steps, words, 0)], 1).astype(U),
        np.stack([targets_of, weights], 1).astype(U),
        rng.standard_normal(targets),
        bits,
        aggregate,
        int(rng.integers(1, 9)),
    )


@QUICK
@given(
    trees=st.integers(1, 13),
    features=st.integers(1, 9),
    targets=st.integers(1, 5),
    rows=st.integers(1, 5),
    aggregate=st.integers(0, 2),
    seed=st.integers(0, 2**32 - 1),
)
def test_trees_agree_with_the_oracle_in_every_way_they_can_run(trees, features, targets, rows, aggregate, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, features)).astype(F)
    x = np.where(rng.random(x.shape) < 0.2, rng.choice(SPECIAL, x.shape), x).astype(F)
    forest = random_forest(rng, trees, features, targets, aggregate=aggregate)
    hold(plans.tree_ensemble(x, forest), [x], oracle.tree_ensemble(x, forest))


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_tables_that_were_tampered_with_are_refused_or_walked_inside_their_memory(data):
    """In the weights, where test_hostile_plans changes nothing."""
    plan = bytearray(plans.tree_ensemble(np.ones((2, 3), F), random_forest(np.random.default_rng(1), 6, 3, 2)))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(int.from_bytes(plan[48:52], "little") // 4, len(plan) // 4 - 1)) * 4
        word = int.from_bytes(plan[at : at + 4], "little")
        near = st.integers(-64, 64).map(lambda d: (word + d) % 2**32)  # noqa: B023 -- drawn at once
        plan[at : at + 4] = data.draw(near | st.integers(0, 2**32 - 1)).to_bytes(4, "little")
    cornered = Cornered(bytes(plan))
    if cornered.status == 0:
        cornered.run(0)
        cornered.run(1)


def stump(*, word: int = 1 << 3, first: int = 0, root: int = 0, target: int = LAST, bits: int = 3) -> Forest:
    """x[0] <= 0.5 ? 1 : 2"""
    half = int(F(0.5).view(U))
    nodes = np.array([[half, word], [first, 0], [1, 0]], U)
    leaves = np.array([[LAST, F(1).view(U)], [target, F(2).view(U)]], U)
    return Forest(np.array([root], U), nodes, leaves, np.zeros(1), bits)


@pytest.mark.parametrize(
    "forest",
    [
        stump(word=2 << 3),  # past the last node
        stump(word=0xFFFFFFFF),
        stump(word=6),  # a feature, but no step
        stump(word=1 << 3 | 2 << 1),  # the third of two features
        stump(first=2),
        stump(root=3),
        stump(target=LAST | 1),
        stump(target=0),  # goes on where nothing is
        stump(bits=0),
        stump(bits=32),
    ],
)
def test_tables_that_lead_out_of_themselves_are_refused(forest):
    x = np.zeros((1, 2), F)
    assert Cornered(plans.tree_ensemble(x, stump())).status == 0
    assert Cornered(plans.tree_ensemble(x, forest)).status in {12, 13}
