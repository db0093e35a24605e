"""ai.onnx.ml: SVMClassifier and SVMRegressor, the models of libsvm."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.importers.onnx.arithmetic import as_dtype, combine, number
from edgefn.graph.importers.onnx.features import as_f32
from edgefn.graph.importers.onnx.reduction import reduced
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.importers.onnx.scores import Classes, best_of, transformed, two_sided
from edgefn.graph.ir import Bounds, Tensor
from edgefn.graph.ops import Clamp, Coupling, Dense, Select, Unary
from edgefn.graph.ops.coupling import MAX_CLASSES

__all__ = ["svm_classifier", "svm_regressor"]

type Array = NDArray[Any]

MOST_TERMS = 1 << 16
_NONE = np.zeros(0)
_LEAST = 1e-7  # what libsvm lets the probability of a pair be


def svm_regressor(call: Call) -> str:
    """`[N, F]` to `[N, 1]`; of one class, 1 inside and -1 outside."""
    x, weights = _features(call), call.numbers("coefficients", _NONE).reshape(1, -1)
    y = _kernel_sum(call, x, call.attribute("n_supports", 0), weights, _rho(call, 1))
    if not call.attribute("one_class", 0):
        return transformed(call, y, call.attribute("post_transform", "NONE"))
    inside = combine(call, "less", number(call, 0.0), y)
    return call.emit(Select(), (inside, number(call, 1.0), number(call, -1.0)), (x.shape[0], 1))


def svm_classifier(call: Call) -> tuple[str, str]:
    """`[N, F]` to the classes `[N]`, and scores: of pairs of classes or, where the model has them, probabilities."""
    x, classes = _features(call), Classes.of(call, "classlabels_ints")
    supports = call.attribute("vectors_per_class", ())
    if len(supports) != len(classes) or not all(n >= 0 for n in supports) or not sum(supports):
        call.refuse(f"{len(classes)} classes with support vectors of {len(supports)}; each class needs its own")
    if len(classes) > MAX_CLASSES:
        call.refuse(f"{len(classes)} classes; up to {MAX_CLASSES} are supported")
    pairs = list(combinations(range(len(classes)), 2))
    weights = _pair_weights(call, supports, pairs)
    scores = _kernel_sum(call, x, sum(supports), weights, _rho(call, len(pairs)))
    best = _elected(call, scores, len(classes), pairs)
    post_transform = call.attribute("post_transform", "NONE")
    if len(call.numbers("prob_a", _NONE)):
        scores = _probabilities(call, scores, len(classes))
    elif len(classes) == 2:
        if post_transform != "NONE":
            call.refuse(f"one score for two classes, post_transform {post_transform}: runtimes disagree on it")
        scores = two_sided(call, scores, 0.0)
    return classes.named(call, best), transformed(call, scores, post_transform)


def _features(call: Call) -> Tensor:
    x = as_f32(call)
    if len(x.shape) != 2:
        call.refuse(f"an input of shape {x.shape}; [N, F] is supported")
    return x


def _rho(call: Call, count: int) -> Array:
    rho = call.numbers("rho", _NONE)
    if len(rho) != count:
        call.malformed(f"attribute rho has {len(rho)} numbers, not {count}")
    return rho


def _pair_weights(call: Call, supports: tuple[int, ...], pairs: Sequence[tuple[int, int]]) -> Array:
    """`[pairs, vectors]`: in the score of classes i and j, only vectors of these two count."""
    vectors, coefficients = sum(supports), call.numbers("coefficients", _NONE)
    if len(coefficients) != (len(supports) - 1) * vectors:
        call.malformed(f"{len(coefficients)} coefficients for {vectors} vectors of {len(supports)} classes")
    against = coefficients.reshape(-1, vectors)  # of a vector, for each of the other classes
    weights = np.zeros(call.bounded((len(pairs), vectors)))
    ends = np.cumsum((0, *supports))
    for row, (i, j) in zip(weights, pairs, strict=True):
        of_i, of_j = slice(ends[i], ends[i + 1]), slice(ends[j], ends[j + 1])
        row[of_i], row[of_j] = against[j - 1, of_i], against[i, of_j]
    return weights


def _kernel_sum(call: Call, x: Tensor, vectors: int, weights: Array, rho: Array) -> str:
    """`[N, sums]`: the kernel of x and each support vector, by its weight `[sums, vectors]`, and rho."""
    if weights.shape[1] != (vectors or x.shape[1]):
        call.malformed(f"{weights.shape[1]} coefficients for {vectors} support vectors of {x.shape[1]} features")
    if not vectors:  # the weights are those of the features
        return _dense(call, x.name, weights, rho)
    supports = call.numbers("support_vectors", _NONE)
    if len(supports) != vectors * x.shape[1]:
        call.malformed(f"{len(supports)} numbers in {vectors} support vectors of {x.shape[1]} features")
    supports = supports.reshape(vectors, -1)
    if call.attribute("kernel_type", "LINEAR") == "LINEAR":
        return _dense(call, x.name, weights @ supports, rho)
    return _weighed(call, _kernel(call, x, supports), weights, rho)


def _weighed(call: Call, kernel: str, weights: Array, rho: Array) -> str:
    """`[N, sums]` of `[N, vectors]`.

    Positive and negative terms nearly cancel, so that few are added up by a reduction, which does it in f64.
    """
    if weights.size > MOST_TERMS:
        return _dense(call, kernel, weights, rho)
    rows, (sums, vectors) = call.scope.tensor(kernel).shape[0], weights.shape
    terms = combine(call, "mul", call.reshape(kernel, (rows, 1, vectors)), call.own("weights", weights))
    total = call.reshape(reduced(call, "sum", terms, (2,)), (rows, sums))
    return combine(call, "add", total, call.own("rho", rho))


def _kernel(call: Call, x: Tensor, supports: Array) -> str:
    """`[N, vectors]`."""
    shape, kind = (x.shape[0], len(supports)), call.attribute("kernel_type", "LINEAR")
    parameters = call.numbers("kernel_params", np.zeros(3))
    if len(parameters) != 3 or not np.isfinite(parameters).all():
        call.malformed(f"attribute kernel_params is {parameters[:9].tolist()}")
    gamma, offset, degree = parameters.tolist()
    if kind == "RBF":
        power = combine(call, "mul", _squared_distances(call, x, supports), number(call, -gamma))
        return call.emit(Unary("exp"), (power,), shape)
    product = _dense(call, x.name, gamma * supports, np.full(len(supports), offset))
    if kind == "POLY":
        return combine(call, "pow", product, number(call, int(degree)))
    if kind != "SIGMOID":
        call.malformed(f"attribute kernel_type is {kind!r}")
    return call.emit(Unary("tanh"), (product,), shape)


def _squared_distances(call: Call, x: Tensor, supports: Array) -> str:
    """`[N, vectors]`; from differences, as squares less products would cancel."""
    rows, features = x.shape
    wide = call.reshape(x.name, (rows, 1, features))
    difference = combine(call, "sub", wide, call.own("supports", supports))
    distances = reduced(call, "sum", combine(call, "mul", difference, difference), (2,))
    return call.reshape(distances, (rows, len(supports)))


def _dense(call: Call, x: str, weights: Array, bias: Array) -> str:
    constants = (call.own("weights", weights), call.own("bias", bias))
    return call.emit(Dense(), (x, *constants), (call.scope.tensor(x).shape[0], len(weights)))


def _elected(call: Call, scores: str, classes: int, pairs: Sequence[tuple[int, int]]) -> str:
    """The class that wins most of its pairs: i where the score of i and j is above 0, else j."""
    wins = as_dtype(call, combine(call, "less", number(call, 0.0), scores), "f32")
    votes, lost = np.zeros(call.bounded((classes, len(pairs)))), np.zeros(classes)
    for n, (i, j) in enumerate(pairs):
        votes[i, n], votes[j, n] = 1, -1
        lost[j] += 1
    return best_of(call, _dense(call, wins, votes, lost))


def _probabilities(call: Call, scores: str, classes: int) -> str:
    """`[N, classes]`, by the sigmoid of each pair that libsvm fitted."""
    slope, offset = call.numbers("prob_a", _NONE), call.numbers("prob_b", _NONE)
    shape = call.scope.tensor(scores).shape
    if not len(slope) == len(offset) == shape[1]:
        call.malformed(f"{len(slope)} prob_a and {len(offset)} prob_b for {shape[1]} pairs of classes")
    odds = combine(call, "add", combine(call, "mul", scores, call.own("a", -slope)), call.own("b", -offset))
    pair = call.emit(Unary("sigmoid"), (odds,), shape)
    pair = call.emit(Clamp(Bounds(_LEAST, 1 - _LEAST)), (pair,), shape)
    return call.emit(Coupling(), (pair,), (shape[0], classes))
