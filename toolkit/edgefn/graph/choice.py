"""What only one side of a choice needs, so that a run can leave it out: nodes before a Select by a single condition."""

from collections.abc import Iterator
from dataclasses import dataclass

from edgefn.graph.ir import Graph, Node
from edgefn.graph.ops import Reshape, Select

__all__ = ["Side", "gather_sides"]

type Readers = dict[str, list[Node]]

MAX_CHOICES = 64  # by different conditions: each is a walk over the graph
WORTH = 1_000  # elements computed, and weights read: less is done sooner than asked for


@dataclass(frozen=True, slots=True)
class Side:
    """The nodes from the one that computes `first` to that of `last`: needed only where `cond` is `needed`."""

    name: str
    cond: str
    needed: bool
    first: str
    last: str


def gather_sides(graph: Graph) -> tuple[Side, ...]:
    """Move what only one side of a choice needs together, in front of the choice.

    Of sides within sides, the outer ones come first.
    """
    makers = graph.producers()
    choices: dict[str, list[Node]] = {}
    readers: Readers = {}
    for node in graph.nodes:
        for name in dict.fromkeys(node.inputs):
            readers.setdefault(name, []).append(node)
        if _chooses(graph, node):
            choices.setdefault(_origin(makers, node.inputs[0]), []).append(node)
    for sink in graph.sinks:  # somebody else reads it
        readers.pop(sink, None)
    sides: list[tuple[Side, list[Node]]] = []
    for cond, alike in list(choices.items())[:MAX_CHOICES]:
        sides += _gather(graph, readers, cond, alike)
    return _whole(graph, sides)


def _whole(graph: Graph, sides: list[tuple[Side, list[Node]]]) -> tuple[Side, ...]:
    """Sides whose nodes still follow one another, and of which no outer side has but some, the outer ones first."""
    places = {node.output: place for place, node in enumerate(graph.nodes)}
    kept: dict[Side, tuple[int, int]] = {}
    for side, nodes in reversed(sides):
        at = [places[node.output] for node in nodes]
        first, last = at[0], at[-1]
        nested = all((a <= first and last <= b) or last < a or b < first for a, b in kept.values())
        if nested and at == list(range(first, first + len(at))):
            kept[side] = first, last
    return tuple(kept)


def _chooses(graph: Graph, node: Node) -> bool:
    """Whether a node takes all of one operand or all of the other."""
    cond = graph.tensors[node.inputs[0]] if isinstance(node.op, Select) else None
    return cond is not None and cond.size == 1 and cond.constant is None


def _origin(makers: dict[str, Node], name: str) -> str:
    """The condition that a condition is, perhaps in another shape."""
    while name in makers and isinstance(makers[name].op, Reshape):
        name = makers[name].inputs[0]
    return name


def _gather(graph: Graph, readers: Readers, cond: str, choices: list[Node]) -> Iterator[tuple[Side, list[Node]]]:
    """The sides of choices by one condition, and their nodes."""
    begin = graph.nodes.index(choices[0])
    before = graph.nodes[:begin]
    parts = [(needed, _needed_for(before, readers, choices, place)) for needed, place in ((True, 1), (False, 2))]
    parts = [(needed, nodes) for needed, nodes in parts if _worth(graph, nodes) >= WORTH]
    moved = [node for _, nodes in parts for node in nodes]
    outputs = {node.output for node in moved}
    graph.nodes = [*(node for node in before if node.output not in outputs), *moved, *graph.nodes[begin:]]
    for needed, nodes in parts:
        yield Side(choices[0].name, cond, needed, nodes[0].output, nodes[-1].output), nodes


def _needed_for(before: list[Node], readers: Readers, choices: list[Node], place: int) -> list[Node]:
    """Nodes all of whose readers are among them, or are choices that have what they compute at this place alone."""
    chosen = {node.output for node in choices}
    found: dict[str, Node] = {}
    for node in reversed(before):
        y = node.output
        if y in readers and all(r.output in found or (r.output in chosen and _alone(r, y, place)) for r in readers[y]):
            found[y] = node
    return list(found.values())[::-1]


def _alone(choice: Node, name: str, place: int) -> bool:
    return [i for i, operand in enumerate(choice.inputs) if operand == name] == [place]


def _worth(graph: Graph, nodes: list[Node]) -> int:
    """Elements computed, and of constants read."""
    read = (t for node in nodes for t in graph.of(node.inputs) if t.constant is not None)
    return sum(t.size for t in (*graph.of(node.output for node in nodes), *read))
