"""Normalizations as exporters take them apart: means, differences, squares, roots."""

from math import prod

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.ir import Graph, Node, Tensor
from edgefn.graph.ops import Binary, LayerNorm, Reduce
from edgefn.graph.passes.pattern import computes, maker_of, pairs, scalar
from edgefn.graph.passes.walk import Walk, rewrite

__all__ = ["fuse_layer_norms"]

type Axes = tuple[int, ...]


def fuse_layer_norms(graph: Graph) -> bool:
    """Make `d / sqrt(mean(d * d) + epsilon)` one op, and what scales and moves it afterwards its operands.

    Where d is `x - mean(x)`, it is the centred form of x, else the root mean square of d.
    """
    return rewrite(graph, _visit)


def _visit(walk: Walk, node: Node) -> None:
    if not (_normalized(walk, node) or _ended(walk, node, "mul") or _ended(walk, node, "add")):
        walk.keep(node)


def _normalized(walk: Walk, node: Node) -> bool:
    for d, root in _over_root(walk, node):
        for power, epsilon in pairs(walk, root, "add"):
            mean, least = _mean(walk, power), scalar(walk, epsilon)
            if mean and least is not None and 0 <= least < np.inf and _is_square(walk, mean[0], d):
                return _emit(walk, node, d, mean[1], least)
    return False


def _over_root(walk: Walk, node: Node) -> list[tuple[str, str]]:
    """Pairs of d and v, for a node that is `d / sqrt(v)` in one of its forms."""
    if node.op == Binary("div"):
        a, b = node.inputs
        root = maker_of(walk, b, "sqrt")
        return [(a, root.inputs[0])] if root else []
    if node.op != Binary("mul"):
        return []
    return [(d, v) for d, factor in (node.inputs, node.inputs[::-1]) if (v := _under(walk, factor))]


def _under(walk: Walk, name: str) -> str | None:
    """The v of which `name` is `1 / sqrt(v)`."""
    at_once = maker_of(walk, name, "rsqrt")
    if at_once:
        return at_once.inputs[0]
    inverse, quotient = maker_of(walk, name, "reciprocal"), maker_of(walk, name, "div")
    below = inverse.inputs[0] if inverse else None
    if quotient and scalar(walk, quotient.inputs[0]) == 1:
        below = quotient.inputs[1]
    root = maker_of(walk, below, "sqrt") if below else None
    return root.inputs[0] if root else None


def _mean(walk: Walk, name: str) -> tuple[str, Axes] | None:
    """What `name` is the mean of, and along which axes, which must be the last ones."""
    maker = walk.makers.get(name)
    if not maker or not isinstance(maker.op, Reduce) or maker.op.function != "mean":
        return None
    rank, axes = len(walk.graph.tensors[maker.inputs[0]].shape), tuple(sorted(maker.op.axes))
    kept = len(walk.graph.tensors[name].shape) == rank
    return (maker.inputs[0], axes) if kept and axes == tuple(range(rank - len(axes), rank)) else None


def _is_square(walk: Walk, name: str, d: str) -> bool:
    power = maker_of(walk, name, "pow")
    if power:
        return power.inputs[0] == d and scalar(walk, power.inputs[1]) == 2
    product = maker_of(walk, name, "mul")
    return product is not None and product.inputs == (d, d)


def _emit(walk: Walk, node: Node, d: str, axes: Axes, epsilon: float) -> bool:
    graph = walk.graph
    shape = graph.tensors[d].shape
    if graph.tensors[node.output].shape != shape:
        return False
    difference = maker_of(walk, d, "sub")
    mean = _mean(walk, difference.inputs[1]) if difference else None
    centred = difference is not None and mean == (difference.inputs[0], axes)
    x = difference.inputs[0] if difference and centred else d
    size = prod(shape[axes[0] :])
    if not graph.allowance.affords((4, size)):  # two vectors, and again two when they take in what follows
        return False
    gamma, beta = (
        graph.add(Tensor(f"{node.name}.{part}", "f32", (size,), constant=np.full(size, value, np.float32)))
        for part, value in (("gamma", 1), ("beta", 0))
    )
    walk.emit(node.name, LayerNorm(epsilon, centred), (x, gamma, beta), node.output)
    return True


def _ended(walk: Walk, node: Node, function: str) -> bool:
    """Take the constant that normalized rows are multiplied by, or moved by, into their scale or bias."""
    if not computes(node, function):
        return False
    for rows, other in (node.inputs, node.inputs[::-1]):
        maker = walk.sole_maker(rows)
        vector = _vector(walk, other, maker) if maker and isinstance(maker.op, LayerNorm) else None
        if not maker or vector is None:
            continue
        x, *ends = maker.inputs
        gamma, beta = (walk.graph.tensors[name].constant for name in ends)
        if gamma is None or beta is None or (function == "mul" and beta.any()):
            continue
        changed, value = (0, gamma * vector) if function == "mul" else (1, beta + vector)
        ends[changed] = walk.graph.like(ends[changed], constant=value)
        walk.emit(maker.name, maker.op, (x, *ends), node.output)
        return True
    return False


def _vector(walk: Walk, name: str, rows: Node) -> NDArray[np.float32] | None:
    """A constant that is the same for all rows, as a vector of a row's size."""
    value, size = walk.graph.tensors[name].constant, walk.graph.tensors[rows.inputs[1]].size
    if value is None:
        return None
    shape = walk.graph.tensors[rows.output].shape
    row = next(shape[i:] for i in range(len(shape), -1, -1) if prod(shape[i:]) == size)
    while value.ndim > len(row) and value.shape[0] == 1:
        value = value[0]
    try:
        return np.broadcast_to(value, row).reshape(size).astype(np.float32)
    except ValueError:
        return None
