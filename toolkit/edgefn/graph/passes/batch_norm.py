"""Batch normalization goes into the weights before it, or becomes a depthwise convolution of one tap."""

from dataclasses import replace

import numpy as np

from edgefn.graph.ir import Graph, Node, Window
from edgefn.graph.ops import BatchNorm, Depthwise, Reshape, Weighted
from edgefn.graph.passes.walk import Walk, rewrite

__all__ = ["fold_batch_norms"]


def fold_batch_norms(graph: Graph) -> bool:
    return rewrite(graph, _visit)


def _visit(walk: Walk, node: Node) -> None:
    if not isinstance(node.op, BatchNorm):
        walk.keep(node)
        return
    maker = walk.sole_maker(node.inputs[0])
    if maker and isinstance(maker.op, Weighted) and maker.op.bounds.open and _constant(walk, maker):
        _fold(walk, node, maker, maker.op)
    else:
        _convolve(walk, node)


def _constant(walk: Walk, maker: Node) -> bool:
    return all(t.constant is not None for t in walk.graph.of(maker.inputs[1:]))


def _fold(walk: Walk, node: Node, maker: Node, op: Weighted) -> None:
    graph = walk.graph
    w, *bias = (t.constant for t in graph.of(maker.inputs[1:]))
    scale, shift = (t.constant for t in graph.of(node.inputs[1:]))
    if w is None or scale is None or shift is None:
        raise TypeError("batch norm parameters must be constant")  # _constant and the importer saw to it
    channels = [1] * w.ndim
    channels[op.axis] = -1
    scaled = w * scale.reshape(channels)
    moved = shift + (bias[0] * scale if bias and bias[0] is not None else np.float32(0))
    weights = graph.like(maker.inputs[1], constant=scaled.astype(np.float32))
    constant = graph.like(node.inputs[2], constant=moved.astype(np.float32))
    walk.emit(maker.name, op, (maker.inputs[0], weights, constant), node.output)


def _convolve(walk: Walk, node: Node) -> None:
    graph = walk.graph
    x, scale, shift = node.inputs
    shape = graph.tensors[x].shape
    channels = shape[-1]
    factor = graph.tensors[scale]
    if factor.constant is None:
        raise TypeError("batch norm parameters must be constant")  # the importer saw to it
    w = graph.add(replace(factor, shape=(1, 1, 1, channels), constant=factor.constant.reshape(1, 1, 1, channels)))
    op = Depthwise(Window((1, 1)))
    if len(shape) == 4:
        walk.emit(node.name, op, (x, w, shift), node.output)
        return
    image = (shape[0], 1, 1, channels)
    wide = walk.emit(node.name, Reshape(), (x,), graph.like(x, shape=image, constant=None))
    y = walk.emit(node.name, op, (wide, w, shift), graph.like(node.output, shape=image))
    walk.emit(node.name, Reshape(), (y,), node.output)
