from edgefn.graph.ir import Graph

__all__ = ["remove_dead"]


def remove_dead(graph: Graph) -> bool:
    """Drop nodes and tensors that no output and no state depends on; inputs and states stay."""
    wanted = set(graph.sinks)
    kept = []
    for node in reversed(graph.nodes):
        if node.output in wanted:
            wanted.update(node.inputs)
            kept.append(node)
    changed = len(kept) != len(graph.nodes)
    wanted.update(graph.sources)
    graph.nodes = kept[::-1]
    graph.tensors = {name: t for name, t in graph.tensors.items() if name in wanted}
    return changed
