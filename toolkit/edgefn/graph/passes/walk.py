"""One walk over a graph's nodes, in order, that builds the list that replaces them."""

from collections.abc import Callable

from edgefn.graph.ir import Graph, Node, Op
from edgefn.graph.ops import Reshape

__all__ = ["Walk", "rewrite"]

type Visit = Callable[["Walk", Node], None]


class Walk:
    """What a visitor sees: the nodes emitted so far, who computes a tensor, and whether it may be fused away."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes: list[Node] = []
        self.makers: dict[str, Node] = {}
        self.sinks = set(graph.sinks)
        self._uses = graph.uses()
        self._same: dict[str, str] = {}

    def resolve(self, node: Node) -> Node:
        """Return the node with replaced inputs filled in."""
        inputs = tuple(self._same.get(i, i) for i in node.inputs)
        return node if inputs == node.inputs else Node(node.name, node.op, inputs, node.output)

    def keep(self, node: Node) -> None:
        self.nodes.append(node)
        self.makers[node.output] = node

    def emit(self, name: str, op: Op, inputs: tuple[str, ...], output: str) -> str:
        """Append a new node."""
        self._uses.update(inputs)
        self.keep(Node(name, op, inputs, output))
        return output

    def replace(self, node: Node, by: str) -> None:
        """Let `by` stand for the node's output; a sink of the graph keeps its own tensor."""
        if node.output in self.sinks:
            self.emit(node.name, Reshape(), (by,), node.output)
        self._same[node.output] = by
        self._uses[by] += self._uses[node.output]

    def sole_maker(self, name: str) -> Node | None:
        """Return the node that computes `name`, when nobody else reads it and it is no sink."""
        return self.makers.get(name) if self._uses[name] == 1 else None


def rewrite(graph: Graph, visit: Visit) -> bool:
    """Visit every node; `visit` keeps, emits or replaces. True when anything changed."""
    walk = Walk(graph)
    before = graph.nodes
    for node in before:
        visit(walk, walk.resolve(node))
    graph.nodes = walk.nodes
    return walk.nodes != before
