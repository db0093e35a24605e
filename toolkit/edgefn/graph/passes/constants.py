from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.ir import Graph, Node, Quantization, Tensor
from edgefn.graph.ops import Clamp, Dequantize, Reshape, Transpose
from edgefn.graph.passes.walk import Walk, rewrite

__all__ = ["dequantized", "fold_constants"]


def dequantized(value: NDArray[Any], q: Quantization) -> NDArray[np.float32]:
    """Reals of constant integers."""
    shape = [1] * value.ndim
    if q.axis is not None:
        shape[q.axis] = -1
    # One product, rounded once, as ONNX has it: the difference is exact in i64.
    difference = value.astype(np.int64) - (q.zero_point.reshape(shape) if value.ndim else q.zero_point[0])
    scale = q.scale.reshape(shape) if value.ndim else q.scale[0]
    return np.asarray(difference.astype(np.float32) * scale, np.float32)


def fold_constants(graph: Graph) -> bool:
    """Compute at compile time what depends on constants only."""
    return rewrite(graph, _visit)


def _visit(walk: Walk, node: Node) -> None:
    x, *others = walk.graph.of(node.inputs)
    value = _value(node, x, walk.graph.tensors[node.output]) if x.constant is not None and not others else None
    if value is None:
        walk.keep(node)
    else:
        walk.replace(node, walk.graph.like(node.output, constant=np.ascontiguousarray(value).reshape(value.shape)))


def _value(node: Node, x: Tensor, y: Tensor) -> NDArray[Any] | None:
    assert x.constant is not None  # noqa: S101 -- the caller looked
    match node.op:
        case Dequantize() if x.quantization:
            return dequantized(x.constant, x.quantization)
        case Transpose(perm):
            return x.constant.transpose(perm)
        case Reshape() if (x.quantization is None) == (y.quantization is None):
            return x.constant.reshape(y.shape)
        case Clamp(bounds) if x.dtype == "f32":
            return np.minimum(np.maximum(x.constant, np.float32(max(bounds.low, -inf))), np.float32(bounds.high))
    return None
