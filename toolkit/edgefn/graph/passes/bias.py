"""What is added behind a convolution or dense layer becomes its bias, also behind what only moves its results."""

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.ir import Graph, Node, Shape
from edgefn.graph.ops import Add, Concat, Dequantize, Reshape, Slice, Transpose, Weighted
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
    # Integers of different scales have no sum.
    floats = isinstance(node.op, Add) and walk.graph.tensors[node.output].dtype == "f32"
    chain = _chain(walk, node.inputs[0]) if floats else []
    layers = _layers(walk, chain[-1]) if chain else []
    biases = _biases(walk, node, chain, layers) if layers else []
    if not biases or not isinstance(node.op, Add):
        walk.keep(node)
        return
    *moves, top = chain
    rest = [*([] if top in layers else [top]), *reversed(moves)]
    made = []
    for layer, bias in zip(layers, biases, strict=True):
        op: Any = layer.op
        output = walk.graph.like(layer.output) if rest else node.output
        inputs = (*layer.inputs[:2], bias)
        made.append(walk.emit(layer.name, replace(op, bounds=node.op.bounds), inputs, output))
    for moved in rest:
        output = node.output if moved is rest[-1] else walk.graph.like(moved.output)
        made = [walk.emit(moved.name, moved.op, tuple(made), output)]


def _chain(walk: Walk, name: str) -> list[Node]:
    """Return what moves `name`, nearest first, and then what computes it, where nobody else reads any of it."""
    chain: list[Node] = []
    maker = walk.sole_maker(name)
    while maker and isinstance(maker.op, Reshape | Transpose | Slice) and len(chain) < MAX_CHAIN:
        chain.append(maker)
        maker = walk.sole_maker(maker.inputs[0])
    return [*chain, maker] if maker else []


def _layers(walk: Walk, top: Node) -> list[Node]:
    """Return the layer that a node is, or those whose channels it puts one behind the other; none of another kind."""
    last = len(walk.graph.tensors[top.output].shape) - 1
    parts = [walk.sole_maker(name) for name in top.inputs] if top.op == Concat(last) else [top]
    layers = [p for p in parts if p and isinstance(p.op, Weighted) and p.op.bounds.open]
    return layers if len(layers) == len(parts) else []


def _biases(walk: Walk, node: Node, chain: list[Node], layers: list[Node]) -> list[str]:
    """Return the biases that do what those of the layers and the sum did; none when there are no such."""
    graph, addend = walk.graph, walk.graph.tensors[node.inputs[1]]
    made = walk.makers.get(addend.name)
    if made and isinstance(made.op, Dequantize) and graph.tensors[made.inputs[0]].constant is not None:
        channels = graph.tensors[node.output].shape[-1:]
        alone = len(chain) == 1 and len(layers) == 1 and len(layers[0].inputs) == 2
        return [addend.name] if alone and addend.shape == channels else []
    vector = _vector(graph, node, chain)
    counts = [graph.tensors[layer.output].shape[-1] for layer in layers]
    present = [_present(graph, layer, count) for layer, count in zip(layers, counts, strict=True)]
    if vector is None or any(p is None for p in present):
        return []
    parts = np.split(vector, np.cumsum(counts)[:-1])
    sums = [np.asarray(a + b, np.float32) for a, b in zip(parts, present, strict=True)]
    return [graph.like(addend.name, shape=value.shape, constant=value) for value in sums]


def _present(graph: Graph, layer: Node, count: int) -> Array | None:
    return graph.tensors[layer.inputs[2]].constant if len(layer.inputs) > 2 else np.zeros(count, np.float32)


def _vector(graph: Graph, node: Node, chain: list[Node]) -> Array | None:
    """Return what is added to every channel, where channels were before they were moved; None if they are not alike."""
    y, addend = graph.tensors[node.output], graph.tensors[node.inputs[1]].constant
    if addend is None or np.isnan(addend).any():
        return None
    if addend.shape == (*[1] * (addend.ndim - 1), y.shape[-1]) and len(chain) == 1:
        return addend.reshape(-1)
    if addend.size == 1 and len(chain) == 1:
        return np.full(y.shape[-1], addend.reshape(()))
    if len(chain) == 1 or max(prod(graph.tensors[n.inputs[0]].shape) for n in chain[:-1]) > MAX_SPREAD:
        return None
    spread: Array | None = np.broadcast_to(addend, y.shape)
    for moved in chain[:-1]:
        spread = None if spread is None else _moved_back(moved, spread, graph.tensors[moved.inputs[0]].shape)
    if spread is None:
        return None
    rows = spread.reshape(-1, spread.shape[-1])
    vector = np.nan_to_num(np.fmax.reduce(rows, axis=0))
    return vector if bool(((rows == vector) | np.isnan(rows)).all()) else None


def _moved_back(node: Node, value: Array, shape: Shape) -> Array | None:
    """Where elements were before they were moved, nan where none of them was; None if copies of one are not alike."""
    match node.op:
        case Transpose(perm):
            return value.transpose(inverted(perm))
        case Slice(begin, step):
            whole = np.full(shape, np.nan, value.dtype)
            along = [b + s * np.arange(n) for b, s, n in zip(begin, step, value.shape, strict=True)]
            whole[np.ix_(*along)] = value
            return whole if np.array_equal(whole[np.ix_(*along)], value, equal_nan=True) else None
    return value.reshape(shape)
