"""What passes look for in the ops that exporters take larger ones apart into."""

from collections.abc import Iterator

import numpy as np

from edgefn.graph.ir import Node
from edgefn.graph.ops import Add, Binary, Unary
from edgefn.graph.passes.walk import Walk

__all__ = ["computes", "maker_of", "pairs", "scalar"]


def maker_of(walk: Walk, name: str, function: str) -> Node | None:
    """The node that computes `name` by a function of one or two operands."""
    maker = walk.makers.get(name)
    return maker if maker and computes(maker, function) else None


def computes(node: Node, function: str) -> bool:
    """Whether a node is a function of one or two operands, and nothing more."""
    if isinstance(node.op, Add):
        return function == "add" and node.op.bounds.open
    return isinstance(node.op, Unary | Binary) and node.op.function == function


def pairs(walk: Walk, name: str, function: str) -> Iterator[tuple[str, str]]:
    """The operands of the node that computes `name` by a function of two, in both orders."""
    maker = maker_of(walk, name, function)
    if maker:
        a, b = maker.inputs
        yield from ((a, b), (b, a))


def scalar(walk: Walk, name: str) -> float | None:
    """The value of a constant of one element."""
    value = walk.graph.tensors[name].constant
    return float(np.asarray(value).reshape(())) if value is not None and value.size == 1 else None
