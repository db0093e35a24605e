"""How long every buffer of a draft is needed, and what is written onto a buffer that is not needed after it."""

from edgefn.graph.draft import Draft, Step
from edgefn.graph.ir import Graph, Node
from edgefn.graph.ops import BY_NAME, Reshape
from edgefn.graph.records import ITEM_BYTES

__all__ = ["carry_states", "lifetimes", "nbytes", "write_in_place"]

type Lives = dict[str, tuple[int, int]]


def lifetimes(graph: Graph, draft: Draft) -> Lives:
    """First and last step of every buffer, by its root.

    Inputs are there when the run begins, sinks are needed when it has ended, and states always.
    """
    end = len(draft.steps)
    lives = _steps(draft)
    for root in (draft.root(p.tensor) for p in graph.inputs):
        lives[root] = (0, lives.get(root, (0, 0))[1])
    lives |= {draft.root(state.read): (0, end) for state in graph.states}
    for root in map(draft.root, graph.sinks):
        lives[root] = (lives.get(root, (0, end))[0], end)
    return lives


def carry_states(graph: Graph, draft: Draft) -> None:
    """Let the next value of every state be computed in the place of the present one, or copied there in the end.

    In its place it can be computed after the last step that reads the present one, or by it where its op allows.
    """
    steps = _steps(draft)
    copies = []
    for state in graph.states:
        made, last = steps[state.written][0], steps.get(state.read, (0, -1))[1]
        if last < made or (last == made and state.read in _overwritable(graph, draft, draft.steps[made])):
            draft.alias[state.written] = state.read
        else:
            node = Node(state.read, Reshape(), (state.written,), state.read)
            copies.append(Step("copy", node, {"x": state.written, "y": state.read}))
    draft.steps += copies


def write_in_place(graph: Graph, draft: Draft) -> None:
    """Alias what a step computes to an operand of the same size that nothing needs afterwards, where its op allows."""
    lives = lifetimes(graph, draft)
    states = {draft.root(state.read) for state in graph.states}
    for i, step in enumerate(draft.steps):
        y = draft.root(step.values["y"])
        onto = next((o for o in _overwritable(graph, draft, step) if lives[o][1] == i), None)
        if onto and y not in states and lives[y][0] == i and _alike(graph, onto, y):
            draft.alias[y] = onto
            lives[onto] = (lives[onto][0], lives.pop(y)[1])


def nbytes(graph: Graph, name: str) -> int:
    """Bytes of a tensor in the arena."""
    t = graph.tensors[name]
    return t.size * ITEM_BYTES[t.dtype]


def _alike(graph: Graph, a: str, b: str) -> bool:
    """Whether element by element two tensors take the same bytes."""
    return nbytes(graph, a) == nbytes(graph, b) and graph.tensors[a].size == graph.tensors[b].size


def _steps(draft: Draft) -> Lives:
    """First and last step that reads or writes a buffer, by its root."""
    steps: Lives = {}
    for i, step in enumerate(draft.steps):
        for root in _touched(draft, step):
            steps[root] = (steps.get(root, (i, i))[0], i)
    return steps


def _touched(draft: Draft, step: Step) -> list[str]:
    """Buffers that a step reads or writes."""
    return [draft.root(v) for v in (*step.values.values(), *step.rest) if isinstance(v, str)]


def _overwritable(graph: Graph, draft: Draft, step: Step) -> list[str]:
    """Buffers of the operands that the op may write onto, and that it reads through no other operand.

    An operand that is a part of its buffer is none.
    """
    allowed = BY_NAME[step.code].in_place
    operands = [(name, v) for name, v in step.values.items() if isinstance(v, str)]
    operands += [("", v) for v in step.rest if isinstance(v, str)]
    onto = {v: draft.root(v) for name, v in operands if name in allowed and _whole(graph, draft, v)}
    others = {draft.root(v) for name, v in operands if name not in allowed or v not in onto}
    return [root for root in onto.values() if root not in others]


def _whole(graph: Graph, draft: Draft, name: str) -> bool:
    """Whether a tensor is all of its buffer."""
    return nbytes(graph, name) == nbytes(graph, draft.root(name))
