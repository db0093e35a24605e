"""In TFLite's fixed point, what follows from one byte is one table: a table of a table, and x * sigmoid(x)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.ir import Graph, Node, Tensor
from edgefn.graph.ops import BinaryQ8, Lookup
from edgefn.graph.passes.tables import BYTES
from edgefn.graph.passes.walk import Walk, rewrite

__all__ = ["merge_lookups"]

type Array = NDArray[Any]
type Table = tuple[str, Array]  # a tensor, and what each of its bytes becomes, by the bytes as u8


def merge_lookups(graph: Graph) -> bool:
    """Make one lookup of lookups in a row, and of a function of two operands that follow from one tensor of bytes."""
    return rewrite(graph, _visit)


def _visit(walk: Walk, node: Node) -> None:
    found = None
    if isinstance(node.op, Lookup):
        found = _chained(walk, node)
    elif isinstance(node.op, BinaryQ8):
        found = _paired(walk, node, node.op)
    if found is None:
        walk.keep(node)
        return
    x, values = found
    table = walk.graph.add(Tensor(f"{node.name}.table", walk.graph.tensors[node.output].dtype, (256,), constant=values))
    walk.emit(node.name, Lookup(), (x, table), node.output)


def _chained(walk: Walk, node: Node) -> Table | None:
    table, first = walk.graph.tensors[node.inputs[1]].constant, _lookup(walk, node.inputs[0])
    return None if table is None or first is None else (first[0], table[first[1].view(np.uint8)])


def _lookup(walk: Walk, name: str) -> Table | None:
    maker = walk.makers.get(name)
    table = walk.graph.tensors[maker.inputs[1]].constant if maker and isinstance(maker.op, Lookup) else None
    return (maker.inputs[0], table) if maker and table is not None else None


def _paired(walk: Walk, node: Node, op: BinaryQ8) -> Table | None:
    """An operand may be constant, of one element."""
    graph, y = walk.graph, walk.graph.tensors[node.output]
    operands = [_of_bytes(walk, name) for name in node.inputs]
    sources = {source for source, _ in operands if source}
    if len(sources) != 1 or any(graph.tensors[i].shape != y.shape for i in (*sources, *_running(walk, node))):
        return None
    a, b = graph.of(node.inputs)
    return sources.pop(), op.of(node, (a, b, y), operands[0][1], operands[1][1])


def _running(walk: Walk, node: Node) -> list[str]:
    return [i for i in node.inputs if walk.graph.tensors[i].constant is None]


def _of_bytes(walk: Walk, name: str) -> Table:
    """What an operand follows from; of a constant of one element nothing, of any other itself."""
    constant = walk.graph.tensors[name].constant
    if constant is not None and constant.size == 1:
        return "", np.broadcast_to(constant.reshape(()), 256)
    return _lookup(walk, name) or (name, BYTES)
