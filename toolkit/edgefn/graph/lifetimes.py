"""How long every buffer of a draft is needed, and which op writes onto an operand that is not needed after it."""

from edgefn.graph.draft import Draft, Step
from edgefn.graph.ir import Graph
from edgefn.graph.ops import BY_NAME
from edgefn.graph.records import ITEM_BYTES

__all__ = ["lifetimes", "nbytes", "write_in_place"]

type Lives = dict[str, tuple[int, int]]


def lifetimes(graph: Graph, draft: Draft) -> Lives:
    """First and last step of every buffer, by its root: inputs live for the whole run, outputs to its end."""
    end = len(draft.steps)
    lives = {draft.root(p.tensor): (0, end) for p in graph.inputs}
    for i, step in enumerate(draft.steps):
        for root in _touched(draft, step):
            first, last = lives.get(root, (i, i))
            lives[root] = (first, max(last, i))
    for root in (draft.root(p.tensor) for p in graph.outputs):
        lives[root] = (lives.get(root, (0, end))[0], end)
    return lives


def write_in_place(graph: Graph, draft: Draft) -> None:
    """Alias what a step computes to an operand of the same size that nothing needs afterwards, where its op allows."""
    lives = lifetimes(graph, draft)
    for i, step in enumerate(draft.steps):
        y = draft.root(step.values["y"])
        onto = next((o for o in _overwritable(draft, step) if lives[o][1] == i), None)
        if onto and lives[y][0] == i and nbytes(graph, onto) == nbytes(graph, y):
            draft.alias[y] = onto
            lives[onto] = (lives[onto][0], lives.pop(y)[1])


def nbytes(graph: Graph, name: str) -> int:
    """Bytes of a tensor in the arena."""
    t = graph.tensors[name]
    return t.size * ITEM_BYTES[t.dtype]


def _touched(draft: Draft, step: Step) -> list[str]:
    """Buffers that a step reads or writes."""
    return [draft.root(v) for v in (*step.values.values(), *step.rest) if isinstance(v, str)]


def _overwritable(draft: Draft, step: Step) -> list[str]:
    """Buffers of the operands that the op may write onto, and that it reads through no other operand."""
    allowed = BY_NAME[step.code].in_place
    operands = {name: draft.root(v) for name, v in step.values.items() if isinstance(v, str)}
    others = {root for name, root in operands.items() if name not in allowed}
    others |= {draft.root(v) for v in step.rest if isinstance(v, str)}
    return [operands[name] for name in allowed if name in operands and operands[name] not in others]
