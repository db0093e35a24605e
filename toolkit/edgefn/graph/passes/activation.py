from dataclasses import replace

from edgefn.graph.ir import Graph, Node
from edgefn.graph.ops import Add, AveragePool, BinaryQ8, Clamp, DenseDynamic, Weighted
from edgefn.graph.passes.walk import Walk, rewrite

__all__ = ["fold_activations"]


_BOUNDED = Weighted | DenseDynamic | Add | BinaryQ8 | AveragePool | Clamp


def fold_activations(graph: Graph) -> bool:
    """Make a clamp (Relu, Clip) the bounds of the op before it."""
    return rewrite(graph, _visit)


def _visit(walk: Walk, node: Node) -> None:
    maker = walk.sole_maker(node.inputs[0]) if isinstance(node.op, Clamp) else None
    if not isinstance(node.op, Clamp) or not maker or not isinstance(maker.op, _BOUNDED):
        walk.keep(node)
        return
    if isinstance(maker.op, AveragePool) and walk.graph.tensors[node.output].dtype == "f32":
        walk.keep(node)  # average_pool_f32 has no bounds
        return
    op = replace(maker.op, bounds=node.op.bounds.within(maker.op.bounds))
    walk.emit(maker.name, op, maker.inputs, node.output)
