from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.ir import Graph, Node, Tensor
from edgefn.graph.ops import Clamp, Dequantize, Reshape, Transpose
from edgefn.graph.passes.walk import Walk, rewrite

__all__ = ["fold_constants"]


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
            return x.quantization.real(x.constant)
        case Transpose(perm):
            return x.constant.transpose(perm)
        case Reshape() if (x.quantization is None) == (y.quantization is None):
            return x.constant.reshape(y.shape)
        case Clamp(bounds) if x.dtype == "f32":
            return np.minimum(np.maximum(x.constant, np.float32(max(bounds.low, -inf))), np.float32(bounds.high))
    return None
