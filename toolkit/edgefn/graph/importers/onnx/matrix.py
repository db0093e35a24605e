"""Ops with weights on images: Conv, BatchNormalization."""

from math import prod

import numpy as np

from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.importers.onnx.windows import as_images, output_size, read_window
from edgefn.graph.ops import BatchNorm, Conv2d, Depthwise

__all__ = ["batch_normalization", "conv"]


def conv(call: Call) -> str:
    """`[N, C, H, W]` with weights `[M, C / group, kh, kw]`; group 1, or one channel a group."""
    x = call.real(0)
    weights = call.real(1)
    if len(weights.shape) != 4 or len(x.shape) != 4:
        call.refuse(f"input {x.shape} with weights {weights.shape}; two-dimensional convolution is supported")
    channels, group = x.shape[1], call.attribute("group", 1)
    outputs, depth, height, width = weights.shape
    if group < 1 or depth * group != channels:
        call.malformed(f"{channels} channels in {group} groups with weights {weights.shape}")
    depthwise = group > 1 and group == channels == outputs
    if group > 1 and not depthwise:
        call.refuse(f"group {group} of {channels} channels, {outputs} outputs; group 1 or depthwise is supported")
    if call.ints("kernel_shape", (height, width)) != (height, width):
        call.malformed(f"kernel_shape differs from weights {weights.shape}")
    size = (x.shape[2], x.shape[3])
    window, after = read_window(call, (height, width), size)
    out = output_size(call, window, after, size)
    w = call.weights(1, (1, 2, 3, 0) if depthwise else (0, 2, 3, 1)).name
    op = Depthwise(window) if depthwise else Conv2d(window)
    bias = call.bias(2, outputs)
    return as_images(call, x.name, lambda image: call.emit(op, (image, w, *bias), (x.shape[0], *out, outputs)))


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
