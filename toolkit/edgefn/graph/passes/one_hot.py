"""A dense layer on vectors that are 1 at an index and 0 elsewhere picks rows of its weights."""

import numpy as np

from edgefn.graph.ir import Graph, Node, Tensor
from edgefn.graph.ops import Binary, Cast, Clamp, Dense, Gather, Reshape, Unary
from edgefn.graph.passes.walk import Walk, rewrite

__all__ = ["gather_one_hots", "hoist_to_tables"]


def gather_one_hots(graph: Graph) -> bool:
    """Turn `dense(cast(equal(i, [0, 1, ..., K - 1])))` into a gather of K rows; of zeros for every other i."""
    return rewrite(graph, _visit)


def _visit(walk: Walk, node: Node) -> None:
    index = _index(walk, node.inputs[0]) if isinstance(node.op, Dense) else None
    table = _table(walk.graph, node, node.op) if index and isinstance(node.op, Dense) else None
    if index is None or table is None:
        walk.keep(node)
        return
    graph, shape = walk.graph, walk.graph.tensors[node.output].shape[:-1]

    def emit(op: Binary | Reshape, *inputs: str) -> str:
        return walk.emit(node.name, op, inputs, graph.add(Tensor(f"{node.name}.index", "i32", shape)))

    one, zero = (graph.add(Tensor(f"{node.name}.{n}", "i32", (), constant=np.array(n, np.int32))) for n in (1, 0))
    # The row in front, and the one behind, are zeros: there an index outside is held.
    row = emit(Binary("max"), emit(Binary("add"), emit(Reshape(), index), one), zero)
    walk.emit(node.name, Gather(0), (table, row), node.output)


def _index(walk: Walk, name: str) -> str | None:
    """Return the i32 tensor that a one-hot tensor `[..., K]` has the index of in every row."""
    maker = walk.makers.get(name)
    while maker and isinstance(maker.op, Reshape):
        if walk.graph.tensors[maker.inputs[0]].shape[-1:] != walk.graph.tensors[name].shape[-1:]:
            return None
        maker = walk.makers.get(maker.inputs[0])
    equal = walk.makers.get(maker.inputs[0]) if maker and isinstance(maker.op, Cast) else None
    if not equal or equal.op != Binary("equal"):
        return None
    count = walk.graph.tensors[name].shape[-1]
    for index, classes in (equal.inputs, equal.inputs[::-1]):
        t, value = walk.graph.tensors[index], walk.graph.tensors[classes].constant
        counted = value is not None and np.array_equal(value.reshape(-1), np.arange(count)) and value.shape[-1] == count
        if counted and t.dtype == "i32" and t.shape[-1:] == (1,) and t.size * count == walk.graph.tensors[name].size:
            return index
    return None


def _table(graph: Graph, node: Node, op: Dense) -> str | None:
    """Return what the layer gives for every index, between what it gives for one in front and one behind."""
    w, *bias = graph.of(node.inputs[1:])
    if w.dtype != "f32" or w.constant is None or any(b.constant is None for b in bias):
        return None
    rows = np.pad(w.constant.T, ((1, 1), (0, 0)))
    for b in bias:
        rows = rows + b.constant
    value = np.clip(rows, np.float32(op.bounds.low), np.float32(op.bounds.high)).astype(np.float32)
    return graph.add(Tensor(w.name, "f32", value.shape, constant=value))


def hoist_to_tables(graph: Graph) -> bool:
    """Compute a function of gathered rows once for the table, where that is no larger than what is gathered."""
    return rewrite(graph, _up)


def _up(walk: Walk, node: Node) -> None:
    maker = walk.sole_maker(node.inputs[0]) if isinstance(node.op, Unary | Clamp) else None
    table = walk.graph.tensors[maker.inputs[0]] if maker and isinstance(maker.op, Gather) else None
    y = walk.graph.tensors[node.output]
    if not maker or not table or table.constant is None or table.dtype != "f32" or table.size > y.size:
        walk.keep(node)
        return
    computed = walk.emit(node.name, node.op, (table.name,), walk.graph.like(table.name, constant=None))
    walk.emit(maker.name, maker.op, (computed, *maker.inputs[1:]), node.output)
