"""ai.onnx.ml's trees, compared with a walk over their attributes."""

import numpy as np
import pytest
from onnx import numpy_helper

from edgefn.errors import ModelError, UnsupportedError

MODES = {
    "BRANCH_LEQ": np.less_equal,
    "BRANCH_LT": np.less,
    "BRANCH_GTE": np.greater_equal,
    "BRANCH_GT": np.greater,
    "BRANCH_EQ": np.equal,
    "BRANCH_NEQ": np.not_equal,
}
AGGREGATES = {"SUM": np.sum, "AVERAGE": np.mean, "MIN": np.min, "MAX": np.max}
F = np.float32


class Trees:
    """Random trees in the columns of ai.onnx.ml, node by node."""

    def __init__(self, seed: int, *, trees: int = 7, features: int = 4, targets: int = 2, depth: int = 5) -> None:
        self.rng = np.random.default_rng(seed)
        self.features, self.targets = features, targets
        self.nodes: list[tuple] = []  # tree, node, feature, mode, value, yes, no, NaN is yes
        self.votes: list[tuple] = []  # tree, node, target, weight
        self.trees = range(trees)
        for tree in self.trees:
            self._grow(tree, [0], depth)

    def _grow(self, tree: int, count: list[int], depth: int) -> int:
        node, at = count[0], len(self.nodes)
        count[0] += 1
        self.nodes.append(())
        if depth == 0 or (node and self.rng.random() < 0.2):
            self.nodes[at] = (tree, node, 0, "LEAF", 0.0, 0, 0, 0)
            self.votes += [(tree, node, target, float(F(self.rng.normal()))) for target in range(self.targets)]
            return node
        yes, no = self._grow(tree, count, depth - 1), self._grow(tree, count, depth - 1)
        mode, feature = str(self.rng.choice(list(MODES))), int(self.rng.integers(self.features))
        value = float(np.round(self.rng.normal(), 1) if self.rng.random() < 0.7 else self.rng.normal())
        self.nodes[at] = (tree, node, feature, mode, value, yes, no, int(self.rng.random() < 0.3))
        return node

    def attributes(self, *, wide: bool = False) -> dict:
        names = ("treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids")
        columns = dict(
            zip((*names, "missing_value_tracks_true"), map(list, zip(*self.nodes, strict=True)), strict=True)
        )
        found = {f"nodes_{name}": column for name, column in columns.items()}
        votes = zip(("treeids", "nodeids", "ids", "weights"), map(list, zip(*self.votes, strict=True)), strict=True)
        found |= {f"target_{name}": column for name, column in votes}
        if wide:
            for name in ("nodes_values", "target_weights"):
                found[f"{name}_as_tensor"] = numpy_helper.from_array(np.array(found.pop(name)), name)
        return found

    def scores(self, x: np.ndarray, aggregate: str, *, wide: bool = False) -> np.ndarray:
        """Thresholds are f32 unless `wide`. NaN differs from every value and is otherwise where the node says."""
        table = {node[:2]: node for node in self.nodes}
        votes: dict = {}
        for tree, node, target, weight in self.votes:
            votes.setdefault((tree, node), np.zeros(self.targets))[target] = weight
        y = np.empty((len(x), self.targets))
        for row, out in zip(x.astype(np.float64), y, strict=True):
            leaves = []
            for tree in self.trees:
                node = 0
                while table[tree, node][3] != "LEAF":
                    _, _, feature, mode, value, yes, no, nan_is_yes = table[tree, node]
                    value = value if wide else float(F(value))
                    true = MODES[mode](row[feature], value) or (np.isnan(row[feature]) and nan_is_yes)
                    node = yes if true else no
                leaves.append(votes[tree, node])
            out[:] = AGGREGATES[aggregate](leaves, axis=0)
        return y


def stump_of(mode: str, value: float, features: int) -> Trees:
    """Feature 0 compared with `value`: a vote for target 0, else for target 1."""
    stump = Trees(0, trees=1, depth=1, features=features)
    stump.nodes = [(0, 0, 0, mode, value, 1, 2, 0), *((0, i, 0, "LEAF", 0.0, 0, 0, 0) for i in (1, 2))]
    stump.votes = [(0, 1, 0, 1.0), (0, 2, 1, 1.0)]
    return stump


def rows(seed: int, features: int = 4) -> np.ndarray:
    """Some on a threshold, some NaN."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(60, features))
    x = np.where(rng.random(x.shape) < 0.5, np.round(x, 1), x)
    return np.where(rng.random(x.shape) < 0.15, np.nan, x).astype(F)


@pytest.fixture
def outputs(compiled, engine_outputs):
    """The only output of a model for one input, from each flavour of the engine and from the oracle."""

    def run(source, x: np.ndarray):
        return [found for (found,) in engine_outputs(compiled(source).plan, [x])]

    return run


@pytest.fixture
def regressor(model):
    def build(trees: Trees, count: int, *, wide: bool = False, declared: str = "f32", **attributes):
        m = model()
        x = m.input("x", (count, trees.features), declared)
        known = {"n_targets": trees.targets} | trees.attributes(wide=wide) | attributes
        m.output(m.node("TreeEnsembleRegressor", x, domain="ai.onnx.ml", name="forest", **known))
        return m

    return build


@pytest.mark.parametrize("wide", [False, True], ids=["f32", "f64"])
@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_nodes_of_every_kind_and_every_way_to_put_leaves_together(regressor, outputs, aggregate, wide):
    trees, x = Trees(5), rows(6)
    m = regressor(trees, len(x), wide=wide, aggregate_function=aggregate, base_values=[0.5, -0.25])
    wanted = trees.scores(x, aggregate, wide=wide) + np.array([0.5, -0.25])
    for found in outputs(m, x):
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("mode", MODES)
def test_numbers_of_64_bits_that_are_equal_stay_equal_when_they_are_rounded(regressor, outputs, mode):
    x = np.array([[0.1], [0.2], [1e-3], [-0.7]])
    for value in x[:, 0].tolist():
        stump = stump_of(mode, value, 1)
        found = outputs(regressor(stump, len(x), wide=True, declared="f64"), x.astype(F))
        for y in found:
            np.testing.assert_array_equal(y, stump.scores(x, "SUM", wide=True))


def test_the_first_vote_of_a_leaf_for_the_only_target_counts(regressor, outputs):
    stump = stump_of("BRANCH_LEQ", 0.0, 4)
    stump.targets = 1
    stump.votes = [(0, 1, 0, 3.0), (0, 1, 0, 3.0), (0, 2, 0, 5.0)]
    for found in outputs(regressor(stump, 2), np.array([[-1, 0, 0, 0], [1, 0, 0, 0]], F)):
        assert found.tolist() == [[3.0], [5.0]]


def test_softmax_follows_the_trees(regressor, outputs):
    trees, x = Trees(8, targets=3), rows(9)
    e = np.exp(trees.scores(x, "SUM"))
    for found in outputs(regressor(trees, len(x), post_transform="SOFTMAX"), x):
        np.testing.assert_allclose(found, e / e.sum(axis=1, keepdims=True), rtol=1e-5)


def test_a_table_of_leaves_and_sets_of_values(model, outputs):
    """x <= 11 ? (x in {1.2, 3.7, 8, 9} ? leaf 0 : leaf 1) : (x in {12, 7} ? leaf 2 : leaf 3)"""
    m = model(ml=5)
    attributes = {
        "n_targets": 4,
        "tree_roots": [0],
        "nodes_modes": numpy_helper.from_array(np.array([0, 6, 6], np.uint8)),
        "nodes_featureids": [0, 0, 0],
        "nodes_splits": numpy_helper.from_array(F([11, 0, 0])),
        "membership_values": numpy_helper.from_array(F([1.2, 3.7, 8, 9, np.nan, 12, 7, np.nan])),
        "nodes_trueleafs": [0, 1, 1],
        "nodes_truenodeids": [1, 0, 2],
        "nodes_falseleafs": [0, 1, 1],
        "nodes_falsenodeids": [2, 1, 3],
        "leaf_targetids": [0, 3, 1, 2],
        "leaf_weights": numpy_helper.from_array(F([1, 10, 100, 1000])),
    }
    m.output(m.node("TreeEnsemble", m.input("x", (7, 1)), domain="ai.onnx.ml", **attributes))
    x = F([1.2, 9, 3.4, 7, 12, 13, np.nan]).reshape(-1, 1)
    wanted = np.zeros((7, 4))
    wanted[range(7), [0, 0, 3, 3, 1, 2, 2]] = [1, 1, 10, 10, 100, 1000, 1000]
    for found in outputs(m, x):
        np.testing.assert_array_equal(found, wanted)


def test_a_mode_that_a_table_of_leaves_does_not_have_is_named(model, compiled):
    columns = ("featureids", "truenodeids", "falsenodeids", "trueleafs", "falseleafs")
    numbers = {"nodes_modes": np.uint8([7]), "nodes_splits": F([0.5]), "leaf_weights": F([1])}
    attributes = {f"nodes_{name}": [0] for name in columns} | {"leaf_targetids": [0], "tree_roots": [0]}
    attributes |= {name: numpy_helper.from_array(value) for name, value in numbers.items()}
    m = model(ml=5)
    m.output(m.node("TreeEnsemble", m.input("x", (7, 1)), domain="ai.onnx.ml", **attributes))
    with pytest.raises(ModelError, match="nodes_modes holds 7, not 0 to 6"):
        compiled(m)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nodes_truenodeids": [0] * 3}, "circles"),
        ({"nodes_truenodeids": [7, 0, 0]}, "node 7 of tree 0 is missing"),
        ({"nodes_featureids": [4, 0, 0]}, "features 4 to 4 of 4"),
        ({"nodes_featureids": [0, 0]}, "differ in length: nodes_treeids 3, .* nodes_featureids 2, "),
        ({"nodes_nodeids": [0, 1, 1]}, "tree 0 has two nodes 1"),
        ({"nodes_modes": ["BRANCH_NEAR", "LEAF", "LEAF"]}, "BRANCH_NEAR"),
        ({"target_ids": [0, 2]}, "targets 0 to 2 of 2"),
        ({"base_values": [1.0]}, "base_values"),
        ({"aggregate_function": "MEDIAN"}, "MEDIAN"),
        ({"post_transform": "LOG"}, "LOG"),
        ({"n_targets": -1}, "n_targets is -1"),
    ],
)
def test_attributes_that_make_no_forest_are_named(regressor, compiled, changes, message):
    stump = stump_of("BRANCH_LEQ", 0.5, 4)
    compiled(regressor(stump, 1))
    with pytest.raises(ModelError, match=f"(?s)'forest'.*{message}") as error:
        compiled(regressor(stump, 1, **changes))
    assert error.value.code == "EFN-M006"


@pytest.fixture
def classifier(model):
    def build(trees: Trees, count: int, labels, *, ids=None, **attributes):
        m = model()
        known = {name.replace("target_", "class_"): v for name, v in trees.attributes().items()}
        strings = isinstance(labels[0], str)
        known["classlabels_strings" if strings else "classlabels_int64s"] = labels
        known |= ({"class_ids": ids} if ids else {}) | attributes
        x = m.input("x", (count, trees.features))
        m.node("TreeEnsembleClassifier", x, domain="ai.onnx.ml", name="forest", outputs=2, **known)
        label, scores = m.nodes[-1].output
        m.output(label, "string" if strings else "i64")
        m.output(scores)
        return m

    return build


@pytest.fixture
def both(compiled, engine_outputs):
    """The label and the scores of a classifier, from each flavour of the engine and from the oracle."""

    def run(source, x):
        return engine_outputs(compiled(source).plan, [x])

    return run


@pytest.mark.parametrize(
    ("labels", "given"), [([0, 1, 2], [0, 1, 2]), ([7, -3, 40], [7, -3, 40]), (["a", "b", "c"], [0, 1, 2])]
)
def test_the_label_is_the_class_with_the_most_votes(classifier, both, labels, given):
    trees, x = Trees(3, targets=3), rows(4)
    wanted = trees.scores(x, "SUM")
    for label, scores in both(classifier(trees, len(x), labels), x):
        np.testing.assert_allclose(scores, wanted, rtol=1e-6, atol=1e-6)
        np.testing.assert_array_equal(label, np.array(given)[wanted.argmax(axis=1)])


def test_votes_for_the_first_of_two_classes_alone_are_the_probability_of_the_second(classifier, both):
    trees, x = Trees(3, targets=1), rows(4)
    trees.votes = [(*vote[:3], float(F(abs(vote[3]) / 9))) for vote in trees.votes]
    second = trees.scores(x, "SUM")
    for label, scores in both(classifier(trees, len(x), [5, 6], base_values=[0.125]), x):
        np.testing.assert_allclose(scores, np.hstack([0.875 - second, second + 0.125]), rtol=1e-6, atol=1e-6)
        np.testing.assert_array_equal(label, np.where(second[:, 0] + 0.125 > 0.5, 6, 5))


@pytest.mark.parametrize("post_transform", ["NONE", "LOGISTIC"])
def test_a_score_that_may_be_negative_is_that_of_the_second_class_against_the_first(classifier, both, post_transform):
    trees, x = Trees(3, targets=1), rows(4)
    second = trees.scores(x, "SUM")
    sides = np.hstack([-second, second])
    wanted = sides if post_transform == "NONE" else 1 / (1 + np.exp(-sides))
    for label, scores in both(classifier(trees, len(x), [0, 1], post_transform=post_transform), x):
        np.testing.assert_allclose(scores, wanted, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(label, second[:, 0] > 0)


def test_one_score_that_runtimes_read_differently_is_refused(classifier, compiled):
    with pytest.raises(UnsupportedError, match="one score for 2 classes, post_transform SOFTMAX"):
        compiled(classifier(Trees(3, targets=1), 1, [0, 1], post_transform="SOFTMAX"))


def test_more_targets_than_the_file_is_worth_are_refused(regressor, compiled):
    with pytest.raises(ModelError) as caught:
        compiled(regressor(stump_of("BRANCH_LEQ", 0.5, 4), 1, n_targets=1 << 40))
    assert caught.value.code == "EFN-M008"
