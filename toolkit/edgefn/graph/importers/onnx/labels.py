"""Strings, of which the engine has none: one is its place in a list of labels, which goes to the output and no further.

ONNX values that are labelled have their labels in `Scope.labels`. They are i32 or, once ZipMap has named their columns,
scores.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.errors import UnsupportedError
from edgefn.graph.importers.onnx.scope import Call, Scope

__all__ = ["MAX_LABELS", "Labels", "carried", "constant", "zip_map"]

type Labels = tuple[str, ...]

MAX_LABELS = 65_536
MAX_BYTES = 256 << 10  # of all labels of a value, which lie in the meta of the plan

# What hands on some of the elements of its first input, and what knows labels by itself.
_CARRYING = frozenset(
    {"Flatten", "Gather", "Identity", "Reshape", "Slice", "Squeeze", "Unsqueeze", "ai.onnx.ml.ArrayFeatureExtractor"}
)
_KNOWING = frozenset({"ai.onnx.ml.LabelEncoder"})


def constant(scope: Scope, name: str, value: NDArray[Any]) -> str:
    """Add a constant under its ONNX name, and return that of its tensor. Raises UnsupportedError EFN-M011."""
    if value.dtype == object:
        scope.labels[name] = bounded(name, tuple(value.reshape(-1).tolist()))
        value = np.arange(value.size).reshape(value.shape)
    return scope.constant(name, value)


def bounded(name: str, labels: Labels) -> Labels:
    """Labels that are not too many."""
    if len(labels) > MAX_LABELS or sum(len(label.encode()) for label in labels) > MAX_BYTES:
        message = f"{name!r} has {len(labels):,} labels, which are too many or too long"
        raise UnsupportedError("EFN-M011", message, hint="keep the labels outside, and give their numbers out")
    return labels


def carried(call: Call) -> Labels:
    """The labels that the node's result has because its first input has them; no op does more with a string."""
    labelled = [name for name in call.node.inputs if call.scope.labels.get(name)]
    if not labelled or call.node.qualified in _KNOWING:
        return ()
    if call.node.qualified not in _CARRYING or labelled != [call.node.inputs[0]]:
        call.refuse(f"input {labelled[0]!r} is of strings, which an output may be, but no op computes with")
    return call.scope.labels[labelled[0]]


def zip_map(call: Call) -> str:
    """Scores `[N, C]` as they are, with the class of every column as its label."""
    scores = call.real(0)
    labels = call.strings("classlabels_strings") or tuple(map(str, call.attribute("classlabels_int64s", ())))
    if scores.shape[-1:] != (len(labels),):
        call.malformed(f"{len(labels)} labels for scores of shape {scores.shape}")
    call.scope.labels[call.node.outputs[0]] = bounded(call.node.label, labels)
    return scores.name
