from edgefn.graph.ir import Graph, Node, Shape
from edgefn.graph.ops import Reshape, Transpose
from edgefn.graph.passes.walk import Walk, rewrite

__all__ = ["inverted", "keeps_order", "matched", "merge_reshapes", "relax_transposes"]


def merge_reshapes(graph: Graph) -> bool:
    """Join reshapes of reshapes; drop one that changes nothing."""
    return rewrite(graph, _merge)


def _merge(walk: Walk, node: Node) -> None:
    if not isinstance(node.op, Reshape):
        walk.keep(node)
        return
    source = node.inputs[0]
    maker = walk.makers.get(source)
    if maker and isinstance(maker.op, Reshape):
        source = maker.inputs[0]
    before, after = walk.graph.tensors[source], walk.graph.tensors[node.output]
    equal = before.shape == after.shape and before.meaning == after.meaning
    if equal and node.output not in walk.sinks:
        walk.replace(node, source)
        return
    if source == node.inputs[0]:
        walk.keep(node)
    else:
        walk.emit(node.name, node.op, (source,), node.output)


def relax_transposes(graph: Graph) -> bool:
    """Make a transpose that moves only dimensions of 1 a reshape."""

    def visit(walk: Walk, node: Node) -> None:
        if isinstance(node.op, Transpose) and keeps_order(node.op.perm, graph.tensors[node.inputs[0]].shape):
            walk.emit(node.name, Reshape(), node.inputs, node.output)
        else:
            walk.keep(node)

    return rewrite(graph, visit)


def inverted(perm: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation back."""
    return tuple(sorted(range(len(perm)), key=perm.__getitem__))


def matched(before: Shape, after: Shape) -> list[tuple[list[int], list[int]]]:
    """The least groups of axes of two shapes that hold the same elements, each with a dimension other than 1.

    Shapes of a single element have no group.
    """
    groups: list[tuple[list[int], list[int]]] = []
    sources, targets = list(range(len(before))), list(range(len(after)))
    while any(before[i] != 1 for i in sources):
        group: tuple[list[int], list[int]] = ([], [])
        held = (1, 1)
        while held[0] != held[1] or held == (1, 1):
            side = int(held[0] > held[1])
            axis = (sources, targets)[side].pop(0)
            group[side].append(axis)
            size = (before, after)[side][axis]
            held = (held[0] * size, held[1]) if side == 0 else (held[0], held[1] * size)
        groups.append(group)
    if groups:
        groups[-1][0].extend(sources)
        groups[-1][1].extend(targets)
    return groups


def keeps_order(perm: tuple[int, ...], shape: Shape) -> bool:
    """Whether a transpose leaves the elements where they are."""
    moved = [p for p in perm if shape[p] != 1]
    return moved == sorted(moved)
