"""Gelu, exact and by tanh, however an exporter multiplies it out: what is computed is followed as a polynomial."""

from collections.abc import Iterator
from math import isclose, pi, sqrt

from edgefn.graph.ir import Graph, Node
from edgefn.graph.ops import Binary, Unary
from edgefn.graph.passes.pattern import maker_of, pairs, scalar
from edgefn.graph.passes.walk import Walk, rewrite

__all__ = ["fuse_gelus"]

# Coefficients by the powers of x, and of the function of x in between.
type Polynomial = dict[tuple[int, int], float]

CLOSE = 1e-4  # exporters round their constants
MAX_DEPTH = 6
MAX_DEGREE = 4
TOO_HIGH = (MAX_DEGREE + 1, 0)  # what no polynomial that is looked for has
GELU: Polynomial = {(1, 0): 0.5, (1, 1): 0.5}
_SLOPE = sqrt(2 / pi)
# By the function in between: what it is taken of, and the name of the whole.
_FORMS: dict[str, tuple[Polynomial, str]] = {
    "erf": ({(1, 0): sqrt(0.5)}, "gelu"),
    "tanh": ({(1, 0): _SLOPE, (3, 0): _SLOPE * 0.044715}, "gelu_tanh"),
}


def fuse_gelus(graph: Graph) -> bool:
    """Make `x / 2 * (1 + erf(x / sqrt(2)))`, and its approximation by tanh, one function."""
    return rewrite(graph, _visit)


def _visit(walk: Walk, node: Node) -> None:
    found = _gelu(walk, node) if node.op == Binary("mul") else None
    if found is None:
        walk.keep(node)
    else:
        x, function = found
        walk.emit(node.name, Unary(function), (x,), node.output)


def _gelu(walk: Walk, node: Node) -> tuple[str, str] | None:
    """What the product is the Gelu of, and in which form."""
    shape = walk.graph.tensors[node.output].shape
    # A node is no maker before it is kept, hence its operands.
    for inner, form in (found for name in node.inputs for found in _functions(walk, name, MAX_DEPTH)):
        argument, function = _FORMS[form]
        for x in dict.fromkeys(_terms(walk, inner.inputs[0], MAX_DEPTH)):
            if walk.graph.tensors[x].shape != shape:
                continue
            if not _equal(_expanded(walk, inner.inputs[0], x, "", MAX_DEPTH), argument):
                continue
            a, b = (_expanded(walk, name, x, inner.output, MAX_DEPTH) for name in node.inputs)
            if a is not None and b is not None and _equal(_times(a, b), GELU):
                return x, function
    return None


def _functions(walk: Walk, name: str, depth: int) -> Iterator[tuple[Node, str]]:
    """The erf and tanh that go into `name` through sums and products, and which each is."""
    maker = walk.makers.get(name)
    if maker and isinstance(maker.op, Unary) and maker.op.function in _FORMS:
        yield maker, maker.op.function
    elif maker and depth > 0:
        for operand in _operands(walk, name):
            yield from _functions(walk, operand, depth - 1)


def _terms(walk: Walk, name: str, depth: int) -> Iterator[str]:
    """What `name` may be a polynomial of: itself, or what goes into it."""
    yield name
    if depth > 0:
        for operand in _operands(walk, name):
            if scalar(walk, operand) is None:
                yield from _terms(walk, operand, depth - 1)


def _operands(walk: Walk, name: str) -> tuple[str, ...]:
    """The operands of a sum, a product, a quotient or a power."""
    for function in ("add", "mul", "div", "pow"):
        maker = maker_of(walk, name, function)
        if maker:
            return maker.inputs
    return ()


def _expanded(walk: Walk, name: str, x: str, inner: str, depth: int) -> Polynomial | None:
    """What `name` is as a polynomial of `x` and `inner`; None when it is none."""
    if name in {x, inner}:
        return {(1, 0) if name == x else (0, 1): 1.0}
    value = scalar(walk, name)
    if value is not None:
        return {(0, 0): value}
    if depth == 0:
        return None
    for function, combine in (("add", _plus), ("mul", _times)):
        for a, b in pairs(walk, name, function):
            left, right = (_expanded(walk, operand, x, inner, depth - 1) for operand in (a, b))
            return combine(left, right) if left is not None and right is not None else None
    return _powered(walk, name, x, inner, depth)


def _powered(walk: Walk, name: str, x: str, inner: str, depth: int) -> Polynomial | None:
    """A quotient by a constant, or a small power."""
    for function in ("div", "pow"):
        maker = maker_of(walk, name, function)
        base = _expanded(walk, maker.inputs[0], x, inner, depth - 1) if maker else None
        value = scalar(walk, maker.inputs[1]) if maker else None
        if base is None or value is None:
            continue
        if function == "div":
            return _times(base, {(0, 0): 1 / value}) if value else None
        if value in {1, 2, 3}:
            product = base
            for _ in range(int(value) - 1):
                product = _times(product, base)
            return product
    return None


def _plus(a: Polynomial, b: Polynomial) -> Polynomial:
    return {power: a.get(power, 0.0) + b.get(power, 0.0) for power in a.keys() | b.keys()}


def _times(a: Polynomial, b: Polynomial) -> Polynomial:
    product: Polynomial = {}
    for (i, j), left in a.items():
        for (m, n), right in b.items():
            power = (i + m, j + n) if i + m <= MAX_DEGREE and j + n <= 1 else TOO_HIGH
            product[power] = product.get(power, 0.0) + left * right
    return product


def _equal(found: Polynomial | None, wanted: Polynomial) -> bool:
    if found is None or found.keys() != wanted.keys():
        return False
    return all(isclose(found[power], value, rel_tol=CLOSE) for power, value in wanted.items())
