from math import prod

import numpy as np

from edgefn.graph.ir import Graph, Node
from edgefn.graph.ops import Dense, Reshape, Transpose
from edgefn.graph.passes.walk import Walk, rewrite

__all__ = ["absorb_flattening"]


def absorb_flattening(graph: Graph) -> bool:
    """Let a dense layer on a flattened transpose read the untransposed data, its columns in another order."""
    return rewrite(graph, _visit)


def _visit(walk: Walk, node: Node) -> None:
    graph = walk.graph
    reshape = walk.makers.get(node.inputs[0]) if isinstance(node.op, Dense) else None
    transpose = walk.makers.get(reshape.inputs[0]) if reshape and isinstance(reshape.op, Reshape) else None
    w = graph.tensors[node.inputs[1]] if isinstance(node.op, Dense) else None
    if not reshape or not transpose or not isinstance(transpose.op, Transpose) or w is None or w.constant is None:
        walk.keep(node)
        return
    moved, flat = graph.tensors[transpose.output], graph.tensors[reshape.output]
    perm = transpose.op.perm
    if perm[0] != 0 or flat.shape != (moved.shape[0], prod(moved.shape[1:])):
        walk.keep(node)
        return
    back = np.argsort(perm)
    columns = np.arange(flat.shape[1]).reshape((1, *moved.shape[1:])).transpose(back).reshape(-1)
    weights = graph.like(w.name, constant=np.ascontiguousarray(w.constant[:, columns]))
    source = walk.emit(reshape.name, Reshape(), (transpose.inputs[0],), graph.like(flat.name))
    walk.emit(node.name, node.op, (source, weights, *node.inputs[2:]), node.output)
