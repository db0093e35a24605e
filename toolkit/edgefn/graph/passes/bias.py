"""What is added behind a convolution or dense layer becomes its bias, also behind what only moves its results."""

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.ir import Graph, Node, Shape
from edgefn.graph.ops import Add, Dequantize, Reshape, Slice, Transpose, Weighted
from edgefn.graph.passes.shapes import inverted
from edgefn.graph.passes.walk import Walk, rewrite

__all__ = ["fold_biases"]

type Array = NDArray[Any]

MAX_CHAIN = 4
MAX_SPREAD = 1 << 22  # elements that an addend is followed over, which bounds the work for any file


def fold_biases(graph: Graph) -> bool:
    """Make a constant added along the channels of a convolution or dense layer its bias."""
    return rewrite(graph, _visit)


def _visit(walk: Walk, node: Node) -> None:
    graph = walk.graph
    floats = isinstance(node.op, Add) and graph.tensors[node.output].dtype == "f32"  # integers have scales of their own
    chain = _chain(walk, node.inputs[0]) if floats else []
    maker = chain.pop() if chain else None
    if not isinstance(node.op, Add) or not maker or not isinstance(maker.op, Weighted) or not maker.op.bounds.open:
        walk.keep(node)
        return
    bias = _moved_sum(walk, node, maker, chain) if chain else _sum(walk, node, maker)
    if bias is None:
        walk.keep(node)
        return
    outputs = [*(graph.like(n.output) for n in (maker, *chain[:0:-1])), node.output] if chain else [node.output]
    x = walk.emit(maker.name, replace(maker.op, bounds=node.op.bounds), (*maker.inputs[:2], bias), outputs[0])
    for moved, output in zip(reversed(chain), outputs[1:], strict=True):
        x = walk.emit(moved.name, moved.op, (x,), output)


def _chain(walk: Walk, name: str) -> list[Node]:
    """Return what moves `name`, nearest first, and then what computes it, where nobody else reads any of it."""
    chain: list[Node] = []
    maker = walk.sole_maker(name)
    while maker and isinstance(maker.op, Reshape | Transpose | Slice) and len(chain) < MAX_CHAIN:
        chain.append(maker)
        maker = walk.sole_maker(maker.inputs[0])
    return [*chain, maker] if maker else []


def _moved_sum(walk: Walk, node: Node, maker: Node, chain: list[Node]) -> str | None:
    """Return the bias that does what both did; None when the addend is not one for every channel where they were."""
    graph = walk.graph
    y, addend = graph.tensors[node.output], graph.tensors[node.inputs[1]].constant
    if addend is None or max(prod(graph.tensors[n.inputs[0]].shape) for n in chain) > MAX_SPREAD:
        return None
    spread = np.broadcast_to(addend, y.shape)
    for moved in chain:
        spread = _moved_back(moved, spread, graph.tensors[moved.inputs[0]].shape)
    rows = spread.reshape(-1, spread.shape[-1])
    vector = np.nan_to_num(np.fmax.reduce(rows, axis=0)) if not np.isnan(addend).any() else None
    if vector is None or not bool(((rows == vector) | np.isnan(rows)).all()):
        return None
    return _plus(walk, maker, vector, node.inputs[1])


def _moved_back(node: Node, value: Array, shape: Shape) -> Array:
    """Where elements were before they were moved; nan where none of them was."""
    match node.op:
        case Transpose(perm):
            return value.transpose(inverted(perm))
        case Slice(begin, step):
            whole = np.full(shape, np.nan, value.dtype)
            along = [b + s * np.arange(n) for b, s, n in zip(begin, step, value.shape, strict=True)]
            whole[np.ix_(*along)] = value
            return whole
    return value.reshape(shape)


def _sum(walk: Walk, node: Node, maker: Node) -> str | None:
    """Return the bias that does what both did; None when the addend is no constant vector along the channels."""
    graph = walk.graph
    channels = graph.tensors[node.output].shape[-1]
    addend = graph.tensors[node.inputs[1]]
    if addend.shape != (*[1] * (len(addend.shape) - 1), channels):
        return None
    made = walk.makers.get(addend.name)
    if made and isinstance(made.op, Dequantize) and graph.tensors[made.inputs[0]].constant is not None:
        return addend.name if len(maker.inputs) == 2 and addend.shape == (channels,) else None
    return _plus(walk, maker, addend.constant.reshape(channels), addend.name) if addend.constant is not None else None


def _plus(walk: Walk, maker: Node, vector: Array, name: str) -> str | None:
    """Return the bias of a layer and a vector together; None when that bias is not constant."""
    graph = walk.graph
    present = graph.tensors[maker.inputs[2]].constant if len(maker.inputs) > 2 else np.zeros(len(vector), np.float32)
    if present is None:
        return None
    return graph.like(name, shape=(len(vector),), constant=np.asarray(vector + present, np.float32))
