"""BatchNormalization."""

from math import prod

import numpy as np

from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.importers.onnx.windows import as_images
from edgefn.graph.ops import BatchNorm

__all__ = ["batch_normalization"]


def batch_normalization(call: Call) -> str:
    """Inference only; the channel axis is 1."""
    if call.attribute("training_mode", 0) or len(call.node.outputs) > 1:
        call.refuse("training mode")
    x = call.real(0)
    if len(x.shape) < 2:
        call.malformed(f"input of shape {x.shape}")
    scale, shift, mean, variance = (call.constant(i).astype(np.float64) for i in range(1, 5))
    if any(v.shape != (x.shape[1],) for v in (scale, shift, mean, variance)):
        call.malformed(f"parameters do not fit {x.shape[1]} channels")
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = scale / np.sqrt(variance + call.attribute("epsilon", 1e-5))
    constants = [
        call.scope.constant(f"{call.node.label}.{part}", value.astype(np.float32))
        for part, value in (("scale", factor), ("shift", shift - mean * factor))
    ]
    if len(x.shape) == 2:
        return call.emit(BatchNorm(), (x.name, *constants), x.shape)
    height, width = x.shape[2:] if len(x.shape) == 4 else (prod(x.shape[2:]), 1)
    image = call.reshape(x.name, (*x.shape[:2], height, width))
    shape = (x.shape[0], height, width, x.shape[1])
    y = as_images(call, image, lambda i: call.emit(BatchNorm(), (i, *constants), shape))
    return call.reshape(y, x.shape)
