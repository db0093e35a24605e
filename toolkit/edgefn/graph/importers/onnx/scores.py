"""What the models of ai.onnx.ml make of their scores."""

from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.ops import Softmax

__all__ = ["POST_TRANSFORMS", "transformed"]

POST_TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")


def transformed(call: Call, scores: str, kind: str) -> str:
    """Scores `[N, C]` after a post_transform."""
    if kind not in POST_TRANSFORMS:
        call.malformed(f"attribute post_transform is {kind!r}")
    if kind == "SOFTMAX":
        return call.emit(Softmax(), (scores,), call.scope.tensor(scores).shape)
    if kind != "NONE":
        call.refuse(f"post_transform {kind}")
    return scores
