from dataclasses import replace

import numpy as np

from edgefn.graph.ir import Graph, Node
from edgefn.graph.ops import Add, Dequantize, Weighted
from edgefn.graph.passes.walk import Walk, rewrite

__all__ = ["fold_biases"]


def fold_biases(graph: Graph) -> bool:
    """Make a vector added along the channels of a convolution or dense layer its bias."""
    return rewrite(graph, _visit)


def _visit(walk: Walk, node: Node) -> None:
    maker = walk.sole_maker(node.inputs[0]) if isinstance(node.op, Add) else None
    if (
        not isinstance(node.op, Add)
        or walk.graph.tensors[node.output].dtype != "f32"  # integers of different scales have no sum
        or not maker
        or not isinstance(maker.op, Weighted)
        or not maker.op.bounds.open
    ):
        walk.keep(node)
        return
    bias = _sum(walk, node, maker)
    if bias is None:
        walk.keep(node)
        return
    op = replace(maker.op, bounds=node.op.bounds)
    walk.emit(maker.name, op, (*maker.inputs[:2], bias), node.output)


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
    if addend.constant is None:
        return None
    present = graph.tensors[maker.inputs[2]].constant if len(maker.inputs) > 2 else np.zeros(channels, np.float32)
    if present is None:
        return None
    return graph.like(addend.name, shape=(channels,), constant=addend.constant.reshape(channels) + present)
