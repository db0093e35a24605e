"""Decision trees, whatever format they come from, as the tables of tree_ensemble (docs/spec/plan.md).

A node goes left where its feature is at most its threshold. Nodes may be shared, as where a test for one of several
values has one answer; a table has room for one way to each node, so that the others are nodes that always go left.
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.ops.tree_ensemble import LAST

__all__ = ["Forest", "MalformedForestError", "Tables", "Vote", "at_most", "below"]

type Array = NDArray[Any]
type Vote = tuple[int, float]

WORD_BITS = 32


class MalformedForestError(ValueError):
    """The nodes are no trees, or no table holds them."""


@dataclass(frozen=True, slots=True)
class Tables:
    """All i32: roots `[trees]`, nodes `[n, 2]`, leaves `[entries, 2]`; `bits` of a node's word hold its feature."""

    roots: Array
    nodes: Array
    leaves: Array
    bits: int


@dataclass(frozen=True, slots=True)
class _Test:
    threshold: float
    feature: int
    left: int
    right: int
    nan_left: bool


@dataclass(slots=True)
class Forest:
    """Nodes by number: tests, and leaves with a vote (target and weight) or more. `roots` has one for each tree.

    Nodes that make up a test for one of several values are numbered from `spare`.
    """

    roots: list[int]
    spare: int
    tests: dict[int, _Test] = field(default_factory=dict)
    leaves: dict[int, tuple[Vote, ...]] = field(default_factory=dict)

    def test(self, node: int, threshold: float, feature: int, left: int, right: int, *, nan_left: bool) -> None:
        """Let `node` go left where the feature is at most `threshold`, an f32; never where that is NaN."""
        self.tests[node] = _Test(threshold, feature, left, right, nan_left)

    def member(self, node: int, values: Sequence[float], feature: int, yes: int, no: int, *, nan_is_yes: bool) -> None:
        """Let `node` lead to `yes` where the feature is one of `values`, all f32."""
        if not values:
            self.test(node, nan, feature, yes, no, nan_left=nan_is_yes)
        rest = sorted(set(values))
        for i, value in enumerate(rest):
            inner, after = self._fresh(), self._fresh() if i + 1 < len(rest) else no
            self.test(node, value, feature, inner, after, nan_left=nan_is_yes and i == 0)
            self.test(inner, float(below(np.array(value))), feature, no, yes, nan_left=False)
            node = after

    def _fresh(self) -> int:
        self.spare += 1
        return self.spare - 1

    def leaf(self, node: int, votes: Iterable[Vote]) -> None:
        self.leaves[node] = tuple(votes) or ((0, 0.0),)

    def tables(self) -> Tables:
        """Lay the forest out. Raises MalformedForestError for nodes that are missing, go in circles or are too many."""
        return _Layout(self).tables()


class _Layout:
    """Tree by tree and level by level, a node after all that lead to it."""

    def __init__(self, forest: Forest) -> None:
        self.tests = forest.tests
        self.leaves = forest.leaves
        self.roots = forest.roots
        self.ways = self._count_ways()
        self.firsts: dict[tuple[Vote, ...], int] = {}
        self.entries: list[Vote] = []
        self.thresholds: list[float] = []  # and first entries of leaves
        self.features: list[int] = []  # twice, plus 1 where NaN goes left
        self.steps: list[int] = []
        self.waiting: dict[int, list[int]] = {}
        self.ready: deque[tuple[int, int]] = deque()

    def tables(self) -> Tables:
        places = []
        for root in self.roots:
            places.append(self._grow(1))
            self._lead(root, places[-1])
            self._place_ready()
        if any(len(places) < self.ways[node] for node, places in self.waiting.items()):
            raise MalformedForestError("its nodes go in circles")
        self._fill_leaf(self._grow(1), ((0, 0.0),))  # what a last node that always goes left has to its right
        return self._encoded(places)

    def _count_ways(self) -> Counter[int]:
        """How many nodes lead to each node that is reached; being a root counts as one."""
        ways = Counter(self.roots)
        left = list(ways)
        while left:
            node = left.pop()
            if node not in self.tests and node not in self.leaves:
                raise MalformedForestError(f"node {node} is missing")
            test = self.tests.get(node)
            for child in (test.left, test.right) if test else ():
                ways[child] += 1
                if ways[child] == 1:
                    left.append(child)
        return ways

    def _grow(self, count: int) -> int:
        """Make room for `count` nodes, and return the first one's place."""
        first = len(self.steps)
        for column in (self.thresholds, self.features, self.steps):
            column.extend([0] * count)
        return first

    def _lead(self, node: int, place: int) -> None:
        """Let the way to `node` that ends at `place` lead there: it is laid down, or jumped to from there."""
        if node in self.leaves:
            self._fill_leaf(place, self.leaves[node])
        elif self.ways[node] == 1:
            self.ready.append((node, place))
        else:
            waiting = self.waiting.setdefault(node, [])
            waiting.append(place)
            if len(waiting) == self.ways[node]:
                there = self._grow(1)
                for jump in waiting:
                    self._fill(jump, inf, 1, there - jump)
                self.ready.append((node, there))

    def _place_ready(self) -> None:
        while self.ready:
            node, place = self.ready.popleft()
            test, pair = self.tests[node], self._grow(2)
            self._fill(place, test.threshold, test.feature << 1 | test.nan_left, pair - place)
            self._lead(test.left, pair)
            self._lead(test.right, pair + 1)

    def _fill(self, place: int, threshold: float, feature: int, step: int) -> None:
        self.thresholds[place], self.features[place], self.steps[place] = threshold, feature, step

    def _fill_leaf(self, place: int, votes: tuple[Vote, ...]) -> None:
        if votes not in self.firsts:
            self.firsts[votes] = len(self.entries)
            ends = [0] * (len(votes) - 1) + [LAST]
            self.entries.extend((target | end, weight) for (target, weight), end in zip(votes, ends, strict=True))
        self._fill(place, self.firsts[votes], 0, 0)

    def _encoded(self, roots: list[int]) -> Tables:
        steps, features = np.array(self.steps, np.int64), np.array(self.features, np.int64)
        bits = max(1, int(features.max()).bit_length())
        if bits + int(steps.max()).bit_length() > WORD_BITS:
            raise MalformedForestError(
                f"its {len(steps):,} nodes with features up to {features.max() >> 1:,} are too many"
            )
        firsts, thresholds = np.array(self.thresholds, np.float64), np.array(self.thresholds, np.float32)
        first = np.where(steps == 0, firsts, 0).astype(np.uint32)
        left = np.where(steps == 0, first, thresholds.view(np.uint32))
        words = (steps << bits | features).astype(np.uint32)
        targets, weights = (np.array(c) for c in zip(*self.entries, strict=True))
        leaves = np.stack([targets.astype(np.uint32), _rounded(weights).view(np.uint32)], axis=1)
        nodes = np.stack([left, words], axis=1)
        return Tables(np.array(roots, np.int32), nodes.view(np.int32), leaves.view(np.int32), bits)


def at_most(thresholds: Array) -> Array:
    """The largest f32 that is not above each f64: what an f32 is at most is the same."""
    rounded = _rounded(thresholds)
    return np.where(rounded > thresholds, _lower(rounded), rounded)


def below(thresholds: Array) -> Array:
    """The largest f32 below each f64, NaN where there is none: what is at most the one is below the other."""
    rounded = _rounded(thresholds)
    lowered = np.where(rounded >= thresholds, _lower(rounded), rounded)
    return np.where(thresholds == -inf, np.float32(nan), lowered)


def _rounded(thresholds: Array) -> Array:
    with np.errstate(all="ignore"):
        return thresholds.astype(np.float32)


def _lower(rounded: Array) -> Array:
    return np.nextafter(rounded, np.float32(-inf))
