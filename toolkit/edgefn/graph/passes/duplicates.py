from edgefn.graph.ir import Graph, Node
from edgefn.graph.passes.walk import Walk, rewrite

__all__ = ["merge_duplicates"]


def merge_duplicates(graph: Graph) -> bool:
    """Compute once what several nodes compute alike."""
    seen: dict[object, str] = {}

    def visit(walk: Walk, node: Node) -> None:
        t = graph.tensors[node.output]
        key = (node.op, node.inputs, t.shape, t.dtype, t.meaning)
        if node.output not in walk.sinks and key in seen:
            walk.replace(node, seen[key])
            return
        seen.setdefault(key, node.output)
        walk.keep(node)

    return rewrite(graph, visit)
