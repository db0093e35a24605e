"""Trees as tables: every way down is kept, whatever is shared, and nothing leads back."""

import numpy as np
import pytest

from edgefn.graph.importers.forest import Forest, MalformedForestError, at_most, below
from edgefn.graph.ops.tree_ensemble import LAST

INF, NAN = float("inf"), float("nan")
F = np.float32


def reached(forest: Forest, *row: float) -> list[list[tuple[int, float]]]:
    """The votes of every tree for a row of features, found in the tables."""
    tables = forest.tables()
    nodes, leaves = tables.nodes.view(np.uint32), tables.leaves.view(np.uint32)
    found = []
    for root in tables.roots.tolist():
        at = root
        while nodes[at, 1]:
            word, threshold = int(nodes[at, 1]), nodes[at, 0].view(F)
            value = row[word % 2**tables.bits // 2]
            left = word % 2 == 1 if np.isnan(value) else value <= threshold
            at += (word >> tables.bits) + (not left)
        entry, votes = int(nodes[at, 0]), []
        while not votes or leaves[entry - 1, 0] < LAST:
            votes.append((int(leaves[entry, 0]) % LAST, float(leaves[entry, 1].view(F))))
            entry += 1
        found.append(votes)
    return found


def test_a_threshold_of_64_bits_becomes_the_32_bit_one_that_parts_floats_alike():
    wide = np.array([0.1, 0.3, 1.0, 1e300, -1e300, 1e-60, -1e-60, INF, -INF, 0.0])
    near = F([0.1, 0.3, 1.0, 3.4e38, -3.4e38, 0.0, 1e-45, -1e-45, INF, -INF])
    near = np.concatenate([near, np.nextafter(near, F(INF)), np.nextafter(near, F(-INF))])
    for t, least, under in zip(wide, at_most(wide), below(wide), strict=True):
        assert least.dtype == under.dtype == F
        np.testing.assert_array_equal(near <= least, near.astype(np.float64) <= t)
        np.testing.assert_array_equal(near <= under, near.astype(np.float64) < t)
    assert np.isnan(at_most(np.array(NAN)))


def test_a_tree_of_one_leaf_is_that_leaf():
    forest = Forest([0, 0], 1)
    forest.leaf(0, [(2, 0.5), (0, 1.5)])
    assert reached(forest, 0.0) == [[(2, 0.5), (0, 1.5)]] * 2


def test_a_leaf_without_votes_votes_for_nothing():
    forest = Forest([0], 1)
    forest.leaf(0, [])
    assert reached(forest) == [[(0, 0.0)]]


def test_a_shared_node_is_laid_down_once_behind_all_that_lead_to_it():
    forest = Forest([0], 7)
    forest.test(0, 0.0, 0, 1, 2, nan_left=True)
    forest.test(1, 0.0, 1, 3, 4, nan_left=False)
    forest.test(2, 0.0, 1, 4, 3, nan_left=False)
    forest.test(3, 0.0, 2, 5, 6, nan_left=True)
    forest.leaf(4, [(0, 4.0)])
    forest.leaf(5, [(0, 5.0)])
    forest.leaf(6, [(0, 6.0)])
    wanted = {
        (-1, -1, -1): 5,
        (-1, -1, 1): 6,
        (-1, 1, 0): 4,
        (1, -1, 0): 4,
        (1, 1, -1): 5,
        (1, 1, NAN): 5,
        (NAN, 1, 0): 4,
    }
    for row, leaf in wanted.items():
        assert reached(forest, *row) == [[(0, leaf)]]
    assert np.count_nonzero(forest.tables().nodes[:, 1]) == 6


@pytest.mark.parametrize("nan_is_yes", [True, False])
@pytest.mark.parametrize("values", [[], [1.5], [7.0, -2.0, 3.0, 3.0], [0.0, INF, -INF]])
def test_a_test_for_one_of_several_values_says_yes_to_these_alone(values, nan_is_yes):
    forest = Forest([0], 3)
    forest.member(0, values, 0, 1, 2, nan_is_yes=nan_is_yes)
    forest.leaf(1, [(0, 1.0)])
    forest.leaf(2, [(0, 0.0)])
    for value in F([*values, -2, 0, -0.0, 1e-45, 1.5, 1.4999999, 2, 3, 7, 8, INF, -INF]):
        assert reached(forest, value) == [[(0, float(value in values))]]
    assert reached(forest, NAN) == [[(0, float(nan_is_yes))]]


def test_leaves_that_vote_alike_share_their_entries():
    forest = Forest([0], 3)
    forest.test(0, 0.0, 0, 1, 2, nan_left=False)
    forest.leaf(1, [(0, 1.0), (1, 2.0)])
    forest.leaf(2, [(0, 1.0), (1, 2.0)])
    assert len(forest.tables().leaves) == 3


@pytest.mark.parametrize("back", [0, 1])
def test_nodes_that_go_in_circles_are_no_tree(back):
    forest = Forest([0], 3)
    forest.test(0, 0.0, 0, 1, 2, nan_left=False)
    forest.test(1, 0.0, 0, 2, back, nan_left=False)
    forest.leaf(2, [])
    with pytest.raises(MalformedForestError, match="circles"):
        forest.tables()


def test_a_node_that_is_missing_is_named():
    forest = Forest([0], 2)
    forest.test(0, 0.0, 0, 1, 1, nan_left=False)
    with pytest.raises(MalformedForestError, match="node 1 is missing"):
        forest.tables()


def test_what_no_word_can_hold_is_refused():
    forest = Forest([0], 3)
    forest.test(0, 0.0, 2**30, 1, 1, nan_left=False)
    forest.leaf(1, [])
    with pytest.raises(MalformedForestError, match="too many"):
        forest.tables()
