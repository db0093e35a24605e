from edgefn.graph.ir import Graph

__all__ = ["remove_dead"]


def remove_dead(graph: Graph) -> bool:
    """Drop nodes and tensors that no output depends on; inputs stay."""
    wanted = {p.tensor for p in graph.outputs}
    kept = []
    for node in reversed(graph.nodes):
        if node.output in wanted:
            wanted.update(node.inputs)
            kept.append(node)
    changed = len(kept) != len(graph.nodes)
    wanted.update(p.tensor for p in graph.inputs)
    graph.nodes = kept[::-1]
    graph.tensors = {name: t for name, t in graph.tensors.items() if name in wanted}
    return changed
