"""Transposes travel down, through what ignores the order of dimensions, until they meet their inverse and both go."""

import numpy as np

from edgefn.graph.ir import Graph, Node, Op, Shape
from edgefn.graph.ops import (
    Add,
    Clamp,
    Dequantize,
    FlipSign,
    Gather,
    Lookup,
    Quantize,
    Requantize,
    Resample,
    Reshape,
    Softmax,
    Transpose,
)
from edgefn.graph.passes.shapes import inverted, keeps_order, matched
from edgefn.graph.passes.walk import Walk, rewrite

__all__ = ["sink_transposes"]

_INDIFFERENT = (Clamp, FlipSign, Requantize)
_QUANTIZATION = (Quantize, Dequantize)


def sink_transposes(graph: Graph, *, through_quantization: bool) -> bool:
    """Push transposes towards the outputs and cancel them.

    They go through quantize and dequantize while those are still to be fused (`through_quantization`); afterwards
    they stay on the side of the integers, which are four times smaller.
    """
    indifferent = _INDIFFERENT + (_QUANTIZATION if through_quantization else ())

    def visit(walk: Walk, node: Node) -> None:
        if isinstance(node.op, Transpose):
            _compose(walk, node, node.op.perm)
            return
        if isinstance(node.op, Reshape) and _regroup(walk, node):
            return
        perm = _common_perm(walk, node)
        op = _before(walk, node, perm, indifferent) if perm else None
        if perm is None or op is None:
            walk.keep(node)
        else:
            _sink(walk, node, perm, op)

    return rewrite(graph, visit)


def _regroup(walk: Walk, node: Node) -> bool:
    """Turn `reshape(transpose(x))` into `transpose(reshape(x))`, where dimensions that are joined lie together."""
    graph, maker = walk.graph, walk.makers.get(node.inputs[0])
    if not maker or not isinstance(maker.op, Transpose):
        return False
    shape = graph.tensors[node.output].shape
    order = _order(maker.op.perm, graph.tensors[node.inputs[0]].shape, shape)
    if order is None:
        return False
    inner = graph.like(node.output, shape=tuple(shape[i] for i in order))
    walk.emit(node.name, Reshape(), maker.inputs, inner)
    walk.emit(node.name, Transpose(inverted(order)), (inner,), node.output)
    return True


def _order(perm: tuple[int, ...], before: Shape, after: Shape) -> tuple[int, ...] | None:
    """The axes of `after` in the order in which those of `before` lay in front of the transpose."""
    places = sorted(range(len(perm)), key=lambda axis: perm[axis])  # axes of `before` as they lay
    rank = {axis: i for i, axis in enumerate(axis for axis in places if before[axis] != 1)}
    groups = matched(before, after)
    for sources, _ in groups:
        ranks = [rank[axis] for axis in sources if before[axis] != 1]
        if ranks != list(range(ranks[0], ranks[0] + len(ranks))):
            return None
    groups.sort(key=lambda group: min(rank[axis] for axis in group[0] if before[axis] != 1))
    first = next((axis for axis, size in enumerate(after) if size != 1), len(after))  # a batch of 1 stays in front
    return (*range(first), *(axis for _, targets in groups for axis in targets if axis >= first))


def _before(walk: Walk, node: Node, perm: tuple[int, ...], indifferent: tuple[type[Op], ...]) -> Op | None:
    """Return the op that does in front of the transpose what the node does behind it."""
    if isinstance(node.op, Softmax) and perm[-1] != len(perm) - 1:
        return None
    if isinstance(node.op, (*indifferent, Add, Softmax)) or _renames(walk, node):
        return node.op
    return node.op.before(perm)


def _renames(walk: Walk, node: Node) -> bool:
    """Whether a reshape keeps the shape and only says what its integers mean."""
    x, y = walk.graph.of((node.inputs[0], node.output))
    return isinstance(node.op, Reshape) and x.shape == y.shape


def _compose(walk: Walk, node: Node, perm: tuple[int, ...]) -> None:
    maker = walk.makers.get(node.inputs[0])
    source = node.inputs[0]
    if maker and isinstance(maker.op, Transpose):
        perm, source = tuple(maker.op.perm[p] for p in perm), maker.inputs[0]
    if perm == tuple(range(len(perm))):
        walk.replace(node, source)
    elif source == node.inputs[0]:
        walk.keep(node)
    else:
        walk.emit(node.name, Transpose(perm), (source,), node.output)


def _common_perm(walk: Walk, node: Node) -> tuple[int, ...] | None:
    """Return the permutation that all inputs went through.

    A constant goes through any; so does what has its elements in the same order behind it, such as a factor a channel.
    """
    names = _moving(walk, node)
    makers = {name: walk.makers.get(name) for name in names}
    perms = {m.op.perm for m in makers.values() if m and isinstance(m.op, Transpose)}
    if len(perms) != 1:
        return None
    perm = perms.pop()
    inverse = inverted(perm)
    for name, maker in makers.items():
        t = walk.graph.tensors[name]
        there = (maker and isinstance(maker.op, Transpose)) or t.constant is not None
        if not there and not keeps_order(inverse, _padded(t.shape, len(perm))):
            return None
    return perm if len(walk.graph.tensors[node.output].shape) == len(perm) else None


def _padded(shape: Shape, rank: int) -> Shape:
    return (1,) * (rank - len(shape)) + shape


def _moving(walk: Walk, node: Node) -> tuple[str, ...]:
    """Return the inputs that have the axes of the output: not indices, which stand for one of them, nor weights."""
    if isinstance(node.op, Resample | Lookup):
        return node.inputs[:1]
    if isinstance(node.op, Gather):
        return node.inputs[:1] if len(walk.graph.tensors[node.inputs[1]].shape) == 1 else ()
    return node.inputs


def _sink(walk: Walk, node: Node, perm: tuple[int, ...], op: Op) -> None:
    """`op(transpose(x))` becomes `transpose(op(x))`."""
    graph = walk.graph
    inverse = inverted(perm)
    moving = _moving(walk, node)
    inputs = (*(_untransposed(walk, name, inverse) for name in moving), *node.inputs[len(moving) :])
    shape = graph.tensors[node.output].shape
    inner = graph.like(node.output, shape=tuple(shape[i] for i in inverse))
    walk.emit(node.name, op, inputs, inner)
    walk.emit(node.name, Transpose(perm), (inner,), node.output)


def _untransposed(walk: Walk, name: str, inverse: tuple[int, ...]) -> str:
    """What `name` is in front of the transpose."""
    t, maker = walk.graph.tensors[name], walk.makers.get(name)
    if maker and isinstance(maker.op, Transpose):
        return maker.inputs[0]
    shape = _padded(t.shape, len(inverse))
    moved = tuple(shape[i] for i in inverse)
    if t.constant is None:
        return name if moved == t.shape else walk.emit(name, Reshape(), (name,), walk.graph.like(name, shape=moved))
    value = np.ascontiguousarray(t.constant.reshape(shape).transpose(inverse))
    return walk.graph.like(name, constant=value, shape=moved)
