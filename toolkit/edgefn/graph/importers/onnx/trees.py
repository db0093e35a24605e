"""ai.onnx.ml: TreeEnsembleClassifier, TreeEnsembleRegressor, and TreeEnsemble with its table of leaves."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.importers.forest import Forest, MalformedForestError, Vote, at_most, below
from edgefn.graph.importers.onnx.features import as_f32
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.importers.onnx.scores import POST_TRANSFORMS, Classes, classified, classified_by_one, transformed
from edgefn.graph.ops import TreeEnsemble
from edgefn.graph.ops.tree_ensemble import Aggregate

__all__ = ["tree_ensemble", "tree_ensemble_classifier", "tree_ensemble_regressor"]

type Array = NDArray[Any]
type Votes = dict[tuple[int, int], list[Vote]]

_MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER")
_AGGREGATES: dict[str, Aggregate] = {"AVERAGE": "sum", "SUM": "sum", "MIN": "least", "MAX": "greatest"}


@dataclass(frozen=True, slots=True)
class _Tests:
    """Nodes that compare, in columns: `yes` follows where the feature is to `value` as `mode` says, else `no`."""

    node: Sequence[int]
    mode: Sequence[str]
    feature: Sequence[int]
    value: Array
    yes: Sequence[int]
    no: Sequence[int]
    nan_is_yes: Sequence[int]


def tree_ensemble_classifier(call: Call) -> tuple[str, str]:
    """`[N, F]` to the classes `[N]` and their scores `[N, C]`.

    Where all leaves vote for the first of two classes, exporters mean the second: the votes are its probability or, if
    some are negative, its score against the first.
    """
    classes, post_transform = Classes.of(call, "classlabels_int64s"), call.attribute("post_transform", "NONE")
    if len(classes) == 2 and not any(call.attribute("class_ids", ())):
        base = call.numbers("base_values", np.zeros(1))
        score = _emit(call, _read_forest(call, "class", 1), 1, base, "SUM")
        share = bool((call.numbers("class_weights", np.zeros(0)) >= 0).all())
        whole, above = (1.0, 0.5) if share else (0.0, 0.0)
        return classified_by_one(call, classes, score, post_transform, whole=whole, above=above)
    base = call.numbers("base_values", np.zeros(len(classes)))
    scores = _emit(call, _read_forest(call, "class", len(classes)), len(classes), base, "SUM")
    return classified(call, classes, scores, post_transform)


def tree_ensemble_regressor(call: Call) -> str:
    """`[N, F]` to `[N, n_targets]`."""
    targets = call.count("n_targets")
    base = call.numbers("base_values", np.zeros(targets))
    aggregate = call.attribute("aggregate_function", "SUM")
    y = _emit(call, _read_forest(call, "target", targets), targets, base, aggregate)
    return transformed(call, y, call.attribute("post_transform", "NONE"))


def tree_ensemble(call: Call) -> str:
    """`[N, F]` to `[N, n_targets]`."""
    targets = call.count("n_targets")
    aggregate = _choice(call, "aggregate_function", 1, tuple(_AGGREGATES))
    y = _emit(call, _read_split_forest(call, targets), targets, np.zeros(targets), aggregate)
    return transformed(call, y, _choice(call, "post_transform", 0, POST_TRANSFORMS))


def _choice(call: Call, name: str, default: int, names: tuple[str, ...]) -> str:
    """What an attribute that is a number stands for."""
    number = call.attribute(name, default)
    if not 0 <= number < len(names):
        call.malformed(f"attribute {name} is {number}")
    return names[int(number)]


def _emit(call: Call, forest: Forest, targets: int, base: Array, aggregate: str) -> str:
    x = as_f32(call)
    if len(base) != targets:
        call.malformed(f"attribute base_values has {len(base)} numbers for {targets} targets")
    if aggregate not in _AGGREGATES:
        call.malformed(f"attribute aggregate_function is {aggregate!r}")
    if len(x.shape) != 2:
        call.refuse(f"an input of shape {x.shape}; [N, F] is supported")
    features = [test.feature for test in forest.tests.values()]
    if features and not 0 <= min(features) <= max(features) < x.shape[1]:
        call.malformed(f"nodes ask for features {min(features)} to {max(features)} of {x.shape[1]}")
    try:
        tables = forest.tables()
    except MalformedForestError as error:
        call.malformed(str(error))
    parts = {"roots": tables.roots, "nodes": tables.nodes, "leaves": tables.leaves}
    parts["base"] = base.astype("<f8").view("<i4").reshape(-1, 2)
    constants = [call.own(part, value) for part, value in parts.items()]
    op = TreeEnsemble(tables.bits, _AGGREGATES[aggregate], len(forest.roots) if aggregate == "AVERAGE" else 1)
    return call.emit(op, (x.name, *constants), (x.shape[0], targets))


def _read_forest(call: Call, what: str, targets: int) -> Forest:
    """The forest of a model whose votes are in the attributes `what`_...; the first node of a tree is its root.

    Of several votes of a leaf for the only target, the first counts, as ONNX Runtime has it: scikit-learn's exporter
    writes the number of a leaf once for each class.
    """
    trees, nodes, features, yes, no = (
        call.attribute(f"nodes_{part}", ())
        for part in ("treeids", "nodeids", "featureids", "truenodeids", "falsenodeids")
    )
    modes, values = call.strings("nodes_modes"), _compared(call, "nodes_values")
    nan_is_yes = call.attribute("nodes_missing_value_tracks_true", ()) or (0,) * len(trees)
    _check_lengths(
        call,
        nodes_treeids=trees,
        nodes_nodeids=nodes,
        nodes_featureids=features,
        nodes_truenodeids=yes,
        nodes_falsenodeids=no,
        nodes_modes=modes,
        nodes_values=values,
        nodes_missing_value_tracks_true=nan_is_yes,
    )
    numbers = {key: i for i, key in enumerate(zip(trees, nodes, strict=True))}
    if len(numbers) < len(trees):
        tree, node = next(key for key, count in Counter(zip(trees, nodes, strict=True)).items() if count > 1)
        call.malformed(f"tree {tree} has two nodes {node}")
    roots: dict[int, int] = {}
    for i, tree in enumerate(trees):
        roots.setdefault(tree, i)
    forest = Forest(list(roots.values()), len(trees))
    votes = _read_votes(call, what, targets)
    for i, key in enumerate(numbers):
        if modes[i] == "LEAF":
            forest.leaf(i, votes[key][: None if targets > 1 else 1])
    inner = [i for i, mode in enumerate(modes) if mode != "LEAF"]
    tests = _Tests(
        node=inner,
        mode=[modes[i] for i in inner],
        feature=[features[i] for i in inner],
        value=values[inner],
        yes=[_number(call, numbers, trees[i], yes[i]) for i in inner],
        no=[_number(call, numbers, trees[i], no[i]) for i in inner],
        nan_is_yes=[nan_is_yes[i] for i in inner],
    )
    _add_tests(call, forest, tests, iter(()))
    return forest


def _number(call: Call, numbers: dict[tuple[int, int], int], tree: int, node: int) -> int:
    """The number in the forest of a node of a tree."""
    if (tree, node) not in numbers:
        call.malformed(f"node {node} of tree {tree} is missing")
    return numbers[tree, node]


def _read_votes(call: Call, what: str, targets: int) -> Votes:
    """By tree and node of a leaf."""
    trees, nodes, ids = (call.attribute(f"{what}_{part}", ()) for part in ("treeids", "nodeids", "ids"))
    weights = call.numbers(f"{what}_weights", np.zeros(0))
    _check_lengths(
        call,
        **{f"{what}_treeids": trees, f"{what}_nodeids": nodes, f"{what}_ids": ids, f"{what}_weights": weights},
    )
    _check_targets(call, ids, targets)
    votes: Votes = defaultdict(list)
    for tree, node, target, weight in zip(trees, nodes, ids, weights.tolist(), strict=True):
        votes[tree, node].append((target, weight))
    return votes


def _read_split_forest(call: Call, targets: int) -> Forest:
    """The forest of a model with a table of leaves, which are numbered behind the other nodes."""
    features, yes, no, yes_is_leaf, no_is_leaf = (
        call.attribute(f"nodes_{part}", ())
        for part in ("featureids", "truenodeids", "falsenodeids", "trueleafs", "falseleafs")
    )
    n, none = len(features), np.zeros(0)
    values, modes = _compared(call, "nodes_splits"), call.numbers("nodes_modes", none)
    nan_is_yes = call.attribute("nodes_missing_value_tracks_true", ()) or (0,) * n
    _check_lengths(
        call,
        nodes_featureids=features,
        nodes_truenodeids=yes,
        nodes_falsenodeids=no,
        nodes_trueleafs=yes_is_leaf,
        nodes_falseleafs=no_is_leaf,
        nodes_splits=values,
        nodes_modes=modes,
        nodes_missing_value_tracks_true=nan_is_yes,
    )
    targets_of, weights = call.attribute("leaf_targetids", ()), call.numbers("leaf_weights", none)
    _check_lengths(call, leaf_targetids=targets_of, leaf_weights=weights)
    _check_targets(call, targets_of, targets)
    unknown = next((mode for mode in modes if not 0 <= mode < len(_MODES)), None)
    if unknown is not None:
        call.malformed(f"attribute nodes_modes holds {unknown:g}, not 0 to {len(_MODES) - 1}")
    forest = Forest(list(call.attribute("tree_roots", ())), n + len(weights))
    for i, vote in enumerate(zip(targets_of, weights.tolist(), strict=True)):
        forest.leaf(n + i, (vote,))
    tests = _Tests(
        node=range(n),
        mode=[_MODES[int(mode)] for mode in modes],
        feature=features,
        value=values,
        yes=[n + i if leaf else i for i, leaf in zip(yes, yes_is_leaf, strict=True)],
        no=[n + i if leaf else i for i, leaf in zip(no, no_is_leaf, strict=True)],
        nan_is_yes=nan_is_yes,
    )
    _add_tests(call, forest, tests, _read_members(call))
    return forest


def _read_members(call: Call) -> Iterator[list[float]]:
    """The values that each BRANCH_MEMBER tests for; NaN ends them."""
    members: list[float] = []
    for value in _compared(call, "membership_values").tolist():
        if isnan(value):
            yield members
            members = []
        else:
            members.append(value)


def _compared(call: Call, name: str) -> Array:
    """Values that features are compared with: rounded where the features are, so that what is equal stays so."""
    values = call.numbers(name, np.zeros(0))
    return (
        values.astype(np.float32).astype(np.float64) if call.scope.inputs.get(call.node.inputs[0]) == "f64" else values
    )


def _check_lengths(call: Call, **columns: Sequence[object] | Array) -> None:
    """Need attributes of one length that is not 0."""
    lengths = {name: len(column) for name, column in columns.items()}
    if 0 in lengths.values() or len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
        call.malformed(f"its attributes are empty or differ in length: {shown}")


def _check_targets(call: Call, ids: Sequence[int], targets: int) -> None:
    if not 0 <= min(ids) <= max(ids) < targets:
        call.malformed(f"its leaves vote for targets {min(ids)} to {max(ids)} of {targets}")


def _add_tests(call: Call, forest: Forest, tests: _Tests, members: Iterator[list[float]]) -> None:
    """Add nodes that compare in any way; `members` are those of each BRANCH_MEMBER."""
    least, under = at_most(tests.value).tolist(), below(tests.value).tolist()
    rows = zip(tests.node, tests.mode, tests.feature, tests.yes, tests.no, tests.nan_is_yes, strict=True)
    for i, (node, mode, feature, yes, no, nan_is_yes) in enumerate(rows):
        nan = bool(nan_is_yes)
        match mode:
            case "BRANCH_LEQ":
                forest.test(node, least[i], feature, yes, no, nan_left=nan)
            case "BRANCH_LT":
                forest.test(node, under[i], feature, yes, no, nan_left=nan)
            case "BRANCH_GT":
                forest.test(node, least[i], feature, no, yes, nan_left=not nan)
            case "BRANCH_GTE":
                forest.test(node, under[i], feature, no, yes, nan_left=not nan)
            case "BRANCH_EQ":
                forest.member(node, _exact([tests.value[i]]), feature, yes, no, nan_is_yes=nan)
            case "BRANCH_NEQ":  # NaN differs from every value, as ONNX Runtime has it
                forest.member(node, _exact([tests.value[i]]), feature, no, yes, nan_is_yes=False)
            case "BRANCH_MEMBER":
                forest.member(node, _exact(next(members, [])), feature, yes, no, nan_is_yes=nan)
            case _:
                call.malformed(f"attribute nodes_modes holds {mode!r}")


def _exact(values: Sequence[float]) -> list[float]:
    """Those that an f32 can be equal to."""
    return [v for v in map(float, values) if float(np.float32(v)) == v]
