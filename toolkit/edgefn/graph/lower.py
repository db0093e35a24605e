"""Graph to draft: every node as an op of the plan."""

from edgefn.graph.draft import Draft, Lowering
from edgefn.graph.ir import Graph
from edgefn.graph.ops import LOWERINGS

__all__ = ["lower"]


def lower(graph: Graph) -> Draft:
    """Return the steps of an optimized graph.

    Raises UnsupportedError EFN-M012 for a node that no op of the engine can do.
    """
    lowering = Lowering(graph, Draft())
    for node in graph.nodes:
        step = LOWERINGS[type(node.op)](lowering, node, node.op)
        if step is not None:
            lowering.draft.steps.append(step)
    return lowering.draft
