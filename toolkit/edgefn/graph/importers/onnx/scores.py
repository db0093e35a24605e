"""What the models of ai.onnx.ml make of their scores: probabilities, and the class that is best."""

from dataclasses import dataclass

import numpy as np

from edgefn.graph.importers.onnx.arithmetic import as_dtype, combine, number
from edgefn.graph.importers.onnx.labels import Labels, bounded
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.ops import Arg, Dense, Gather, Select, Softmax, Unary

__all__ = ["POST_TRANSFORMS", "Classes", "best_of", "classified", "classified_by_one", "transformed", "two_sided"]

POST_TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")
_ZERO = 1e-7  # what SOFTMAX_ZERO takes for 0


@dataclass(frozen=True, slots=True)
class Classes:
    """What a classifier tells apart: strings, or integers."""

    strings: Labels
    integers: tuple[int, ...]

    @classmethod
    def of(cls, call: Call, integers: str) -> "Classes":
        """The classes in the attributes `integers` or classlabels_strings; two at least."""
        found = cls(call.strings("classlabels_strings"), call.attribute(integers, ()))
        if len(found) < 2:
            call.refuse(f"{len(found)} classes; two or more are supported")
        return found

    def __len__(self) -> int:
        return len(self.strings or self.integers)

    def named(self, call: Call, places: str) -> str:
        """The classes at `places` `[N]`, which the first output of the node is to be; strings stay places."""
        if self.strings:
            call.scope.labels[call.node.outputs[0]] = bounded(call.node.label, self.strings)
            return places
        if self.integers == tuple(range(len(self))):
            return places
        table = call.own("classes", np.array(self.integers, np.int64))
        return call.emit(Gather(0), (table, places), call.scope.tensor(places).shape, dtype="i32")


def classified(call: Call, classes: Classes, scores: str, post_transform: str) -> tuple[str, str]:
    """The best class of every row of scores `[N, C]`, and these scores transformed."""
    shape = call.scope.tensor(scores).shape
    if shape[-1] != len(classes):
        call.malformed(f"{len(classes)} classes for scores of shape {shape}")
    best = best_of(call, scores)
    return classes.named(call, best), transformed(call, scores, post_transform)


def best_of(call: Call, scores: str) -> str:
    """The place of the highest of every row of scores `[N, C]`, the first of several."""
    rows = call.scope.tensor(scores).shape[0]
    return call.reshape(call.emit(Arg(1), (scores,), (rows, 1), dtype="i32"), (rows,))


def classified_by_one(
    call: Call, classes: Classes, score: str, post_transform: str, *, whole: float, above: float
) -> tuple[str, str]:
    """Two classes by the score `[N, 1]` of the second, which wins above `above`; the first one's is `whole` less it.

    LOGISTIC makes probabilities of both, which 0 parts.
    """
    if len(classes) != 2 or post_transform not in {"NONE", "LOGISTIC"}:
        call.refuse(f"one score for {len(classes)} classes, post_transform {post_transform}: runtimes disagree on it")
    if post_transform == "LOGISTIC":
        whole, above = 0.0, 0.0
    wins = combine(call, "less", number(call, above), score)
    best = call.reshape(as_dtype(call, wins, "i32"), call.scope.tensor(score).shape[:1])
    return classes.named(call, best), transformed(call, two_sided(call, score, whole), post_transform)


def two_sided(call: Call, score: str, whole: float) -> str:
    """`[N, 1]` to `[N, 2]`: `whole` less the score, and the score."""
    sides, start = call.own("sides", np.array([[-1.0], [1.0]])), call.own("whole", np.array([whole, 0.0]))
    return call.emit(Dense(), (score, sides, start), (call.scope.tensor(score).shape[0], 2))


def transformed(call: Call, scores: str, kind: str) -> str:
    """Scores `[N, C]` after a post_transform."""
    shape = call.scope.tensor(scores).shape
    if kind not in POST_TRANSFORMS:
        call.malformed(f"attribute post_transform is {kind!r}")
    if shape[-1] == 1 and kind not in {"NONE", "PROBIT"}:
        call.refuse(f"one score with post_transform {kind}: runtimes disagree on it")
    match kind:
        case "SOFTMAX":
            return call.emit(Softmax(), (scores,), shape)
        case "LOGISTIC":
            return call.emit(Unary("sigmoid"), (scores,), shape)
        case "SOFTMAX_ZERO":
            return _softmax_without_zeros(call, scores)
        case "PROBIT":
            return _probit(call, scores)
        case _:
            return scores


def _softmax_without_zeros(call: Call, scores: str) -> str:
    """Scores that are 0 stay 0, and count for nothing."""
    shape = call.scope.tensor(scores).shape
    size = call.emit(Unary("abs"), (scores,), shape)
    zero = combine(call, "less_equal", size, number(call, _ZERO))
    left = call.emit(Select(), (zero, number(call, -np.inf), scores), shape)
    return call.emit(Softmax(), (left,), shape)


def _probit(call: Call, scores: str) -> str:
    """The quantile of the normal distribution, by Winitzki's approximation with the constants of ONNX Runtime."""
    shape = call.scope.tensor(scores).shape

    def by(function: str, a: str, b: float | str) -> str:
        return combine(call, function, a, b if isinstance(b, str) else number(call, b))

    def of(function: str, x: str) -> str:
        return call.emit(Unary(function), (x,), shape)

    x = by("sub", by("mul", scores, 2.0), 1.0)
    log = of("log", by("mul", by("sub", number(call, 1.0), x), by("add", x, 1.0)))
    v = by("add", by("mul", log, 0.5), 2 / (3.14159 * 0.147))
    root = of("sqrt", by("sub", by("mul", v, v), by("mul", log, 1 / 0.147)))
    return by("mul", by("mul", of("sqrt", by("sub", root, v)), of("sign", x)), 1.41421356)
