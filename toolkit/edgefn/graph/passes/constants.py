from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.ir import NUMPY, Graph, Node, Op, Tensor
from edgefn.graph.ops import (
    BatchNorm,
    Binary,
    Cast,
    Clamp,
    Concat,
    Dequantize,
    Gather,
    Pad,
    Reduce,
    Repeat,
    Reshape,
    Select,
    Slice,
    Tile,
    Transpose,
    Unary,
)
from edgefn.graph.ops.cast import numbers_as
from edgefn.graph.passes.walk import Walk, rewrite

__all__ = ["computed", "fold_constants"]

type Array = NDArray[Any]

MAX_FOLDED = 1 << 22  # elements


def fold_constants(graph: Graph) -> bool:
    """Compute at compile time what depends on constants only."""
    return rewrite(graph, _visit)


def computed(graph: Graph, op: Op, inputs: list[Tensor], y: Tensor) -> Array | None:
    """The value of `y`, where all that an op reads is constant; None where it is left to run."""
    constants = [t.constant for t in inputs if t.constant is not None]
    rule = _RULES.get(type(op))
    if rule is None or len(constants) < len(inputs) or y.size > MAX_FOLDED or not graph.allowance.affords(y.shape):
        return None
    value = rule(op, constants, inputs[0], y)
    return None if value is None else np.ascontiguousarray(value).reshape(value.shape)


def _visit(walk: Walk, node: Node) -> None:
    inputs, y = walk.graph.of(node.inputs), walk.graph.tensors[node.output]
    value = computed(walk.graph, node.op, inputs, y)
    if value is None:
        walk.keep(node)
    else:
        walk.replace(node, walk.graph.like(node.output, constant=value))


def _dequantized(_op: Op, values: list[Array], x: Tensor, _y: Tensor) -> Array | None:
    return x.quantization.real(values[0]) if x.quantization else None


def _reshaped(_op: Op, values: list[Array], x: Tensor, y: Tensor) -> Array | None:
    return values[0].reshape(y.shape) if (x.quantization is None) == (y.quantization is None) else None


def _clamped(op: Any, values: list[Array], x: Tensor, _y: Tensor) -> Array | None:  # noqa: ANN401 -- a Clamp
    if x.dtype != "f32":
        return None
    return np.minimum(np.maximum(values[0], np.float32(op.bounds.low)), np.float32(op.bounds.high))


# By the op: its value, from the op, constants, the first input and the output; None where it is left to run.
_RULES: dict[type[Op], Callable[[Any, list[Array], Tensor, Tensor], Array | None]] = {
    BatchNorm: lambda _op, values, _x, _y: values[0] * values[1] + values[2],
    Binary: lambda op, values, _x, _y: op.of(*values),
    Cast: lambda _op, values, _x, y: numbers_as(values[0], NUMPY[y.dtype]),
    Clamp: _clamped,
    Concat: lambda op, values, _x, _y: np.concatenate(values, op.axis),
    Dequantize: _dequantized,
    Gather: lambda op, values, _x, _y: op.of(*values),
    Pad: lambda op, values, _x, y: op.of(values[0], y),
    Reduce: lambda op, values, _x, _y: op.of(values[0]),
    Repeat: lambda op, values, _x, _y: op.of(values[0]),
    Reshape: _reshaped,
    Select: lambda _op, values, _x, _y: np.where(*values),
    Slice: lambda op, values, _x, y: op.of(values[0], y.shape),
    Tile: lambda op, values, _x, _y: op.of(values[0]),
    Transpose: lambda op, values, _x, _y: values[0].transpose(op.perm),
    Unary: lambda op, values, _x, _y: op.of(values[0]),
}
