from edgefn.graph.ir import Graph, Node
from edgefn.graph.ops import FlipSign
from edgefn.graph.passes.walk import Walk, rewrite

__all__ = ["cancel_flips"]


def cancel_flips(graph: Graph) -> bool:
    """i8 to u8 and back is nothing."""
    return rewrite(graph, _visit)


def _visit(walk: Walk, node: Node) -> None:
    maker = walk.makers.get(node.inputs[0]) if isinstance(node.op, FlipSign) else None
    if maker and isinstance(maker.op, FlipSign):
        source, target = walk.graph.of((maker.inputs[0], node.output))
        if source.meaning == target.meaning:
            walk.replace(node, source.name)
            return
    walk.keep(node)
