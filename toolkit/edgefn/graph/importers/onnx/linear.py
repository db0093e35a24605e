"""ai.onnx.ml: LinearRegressor and LinearClassifier."""

import numpy as np

from edgefn.graph.importers.onnx.features import as_f32
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.importers.onnx.scores import Classes, classified, classified_by_one, transformed
from edgefn.graph.ops import Dense

__all__ = ["linear_classifier", "linear_regressor"]


def linear_regressor(call: Call) -> str:
    """`[N, F]` to `[N, targets]`."""
    return transformed(call, _weighted(call, call.count("targets")), call.attribute("post_transform", "NONE"))


def linear_classifier(call: Call) -> tuple[str, str]:
    """`[N, F]` to the classes `[N]` and their scores `[N, C]`; a single row of coefficients tells two classes apart."""
    classes, post_transform = Classes.of(call, "classlabels_ints"), call.attribute("post_transform", "NONE")
    coefficients = call.numbers("coefficients", np.zeros(0))
    if len(classes) == 2 and call.input(0).shape[1:] == coefficients.shape:
        return classified_by_one(call, classes, _weighted(call, 1), post_transform, whole=1.0, above=0.0)
    return classified(call, classes, _weighted(call, len(classes)), post_transform)


def _weighted(call: Call, targets: int) -> str:
    """`[N, targets]`: sums of the features by the coefficients."""
    x = as_f32(call)
    if len(x.shape) != 2:
        call.refuse(f"an input of shape {x.shape}; [N, F] is supported")
    coefficients, intercepts = call.numbers("coefficients", np.zeros(0)), call.numbers("intercepts", np.zeros(0))
    if not len(intercepts):
        intercepts = np.zeros(call.bounded((targets,)))
    if len(coefficients) != targets * x.shape[1] or len(intercepts) != targets:
        call.malformed(f"{len(coefficients)} coefficients and {len(intercepts)} intercepts for {targets} of {x.shape}")
    w, bias = call.own("coefficients", coefficients.reshape(targets, x.shape[1])), call.own("intercepts", intercepts)
    return call.emit(Dense(), (x.name, w, bias), (x.shape[0], targets))
