from dataclasses import replace

from edgefn.graph.ir import Graph, Node
from edgefn.graph.ops import Reduce, ReduceQ8, Reshape, Transpose
from edgefn.graph.ops.reduce import span_of
from edgefn.graph.passes.walk import Walk, rewrite

__all__ = ["gather_axes"]


def gather_axes(graph: Graph) -> bool:
    """Move axes that are reduced together, but lie apart, behind the others."""
    return rewrite(graph, _visit)


def _visit(walk: Walk, node: Node) -> None:
    shape = walk.graph.tensors[node.inputs[0]].shape if node.inputs else ()
    if not isinstance(node.op, Reduce | ReduceQ8) or span_of(shape, node.op.axes):
        walk.keep(node)
        return
    axes = node.op.axes
    perm = (*(i for i in range(len(shape)) if i not in axes), *axes)
    moved = walk.graph.like(node.inputs[0], shape=tuple(shape[p] for p in perm), constant=None)
    walk.emit(node.name, Transpose(perm), (node.inputs[0],), moved)
    kept = walk.graph.tensors[moved].shape[: -len(axes)]
    inner = walk.graph.like(node.output, shape=(*kept, *[1] * len(axes)))
    walk.emit(node.name, replace(node.op, axes=tuple(range(len(kept), len(shape)))), (moved,), inner)
    walk.emit(node.name, Reshape(), (inner,), node.output)
