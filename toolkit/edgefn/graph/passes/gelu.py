from collections.abc import Iterator
from itertools import permutations
from math import isclose, sqrt

from edgefn.graph.ir import Graph, Node
from edgefn.graph.ops import Binary, Unary
from edgefn.graph.passes.pattern import maker_of, pairs, scalar
from edgefn.graph.passes.walk import Walk, rewrite

__all__ = ["fuse_gelus"]

CLOSE = 1e-4  # exporters round their constants


def fuse_gelus(graph: Graph) -> bool:
    """Make `x * (erf(x / sqrt(2)) + 1) * 0.5`, in whatever order it is multiplied, one function."""
    return rewrite(graph, _visit)


def _visit(walk: Walk, node: Node) -> None:
    x = _argument(walk, node) if node.op == Binary("mul") else None
    if x is None or walk.graph.tensors[x].shape != walk.graph.tensors[node.output].shape:
        walk.keep(node)
    else:
        walk.emit(node.name, Unary("gelu"), (x,), node.output)


def _argument(walk: Walk, node: Node) -> str | None:
    """What the product is the Gelu of."""
    for factors in _triples(walk, node):
        for half, x, one_more in permutations(factors):
            if _is(walk, half, 0.5) and _is_erf_and_one(walk, one_more, x):
                return x
    return None


def _triples(walk: Walk, node: Node) -> Iterator[tuple[str, str, str]]:
    """Three factors that make up the product."""
    for factor, rest in (node.inputs, node.inputs[::-1]):
        for a, b in pairs(walk, rest, "mul"):
            yield factor, a, b


def _is_erf_and_one(walk: Walk, name: str, x: str) -> bool:
    """Whether `name` is `erf(x / sqrt(2)) + 1`."""
    for erf, one in pairs(walk, name, "add"):
        maker = maker_of(walk, erf, "erf")
        if maker and _is(walk, one, 1) and _is_part(walk, maker.inputs[0], x):
            return True
    return False


def _is_part(walk: Walk, name: str, x: str) -> bool:
    """Whether `name` is `x / sqrt(2)`."""
    divided = maker_of(walk, name, "div")
    if divided:
        return divided.inputs[0] == x and _is(walk, divided.inputs[1], sqrt(2))
    return any(a == x and _is(walk, b, sqrt(0.5)) for a, b in pairs(walk, name, "mul"))


def _is(walk: Walk, name: str, value: float) -> bool:
    found = scalar(walk, name)
    return found is not None and isclose(found, value, rel_tol=CLOSE)
