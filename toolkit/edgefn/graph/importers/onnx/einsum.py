"""Einsum: a product of two tensors, or one tensor, whose dimensions are permuted and summed."""

from collections import Counter
from math import prod

from edgefn.graph.importers.bounds import MAX_RANK
from edgefn.graph.importers.onnx.product import product
from edgefn.graph.importers.onnx.reduction import reduced
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.ops import Dense

__all__ = ["einsum"]

type Sizes = dict[str, int]

_DOTS = "αβγδεζ"  # what stands for the dimensions of "..."


def einsum(call: Call) -> str:
    """One or two operands, none of which has a letter twice."""
    terms, result = _read(call)
    operands = [
        _summed(call, call.real(i).name, term, result + "".join(terms[:i] + terms[i + 1 :]))
        for i, term in enumerate(terms)
    ]
    if len(operands) == 1:
        return _ordered(call, *operands[0], result)
    return _product(call, operands[0], operands[1], result)


def _read(call: Call) -> tuple[list[str], str]:
    """The letters of every operand's dimensions, and those of the result's."""
    equation = call.attribute("equation", "").replace(" ", "")
    left, arrow, result = equation.partition("->")
    terms, ranks = left.split(","), [len(call.real(i).shape) for i in range(len(call.node.inputs))]
    if len(terms) != len(ranks):
        call.malformed(f"equation {equation!r} for {len(ranks)} operands")
    if len(terms) > 2:
        call.refuse(f"{len(terms)} operands; one and two are supported")
    hidden = [rank - len(term) + 3 if "..." in term else 0 for rank, term in zip(ranks, terms, strict=True)]
    most = max(hidden)
    if not 0 <= min(hidden) <= most <= len(_DOTS):
        call.malformed(f"equation {equation!r} for operands of rank {ranks}")
    terms = [term.replace("...", _DOTS[most - n : most]) for term, n in zip(terms, hidden, strict=True)]
    if arrow:
        result = result.replace("...", _DOTS[:most])
    else:
        counts = Counter("".join(terms))
        result = _DOTS[:most] + "".join(sorted(c for c in counts if counts[c] == 1 and c not in _DOTS))
    for letters, rank in zip([*terms, result], [*ranks, len(result)], strict=True):
        if len(letters) != rank or not all(c.isalpha() for c in letters):
            call.malformed(f"equation {equation!r} for operands of rank {ranks}")
        if len(set(letters)) < len(letters):
            call.refuse(f"equation {equation!r}; a letter may stand once in an operand")
    if not set(result) <= set("".join(terms)):
        call.malformed(f"equation {equation!r}: the result has a letter of its own")
    return terms, result


def _summed(call: Call, x: str, letters: str, needed: str) -> tuple[str, str]:
    """Without the dimensions that nothing else has."""
    axes = [i for i, c in enumerate(letters) if c not in needed]
    if not axes:
        return x, letters
    shape = [d for i, d in enumerate(call.scope.tensor(x).shape) if i not in axes]
    return call.reshape(reduced(call, "sum", x, axes), shape), "".join(c for c in letters if c in needed)


def _ordered(call: Call, x: str, letters: str, wanted: str) -> str:
    return x if letters == wanted else call.transpose(x, tuple(letters.index(c) for c in wanted))


def _product(call: Call, a: tuple[str, str], b: tuple[str, str], result: str) -> str:
    """A product of matrices: of what only one operand has, over what the result has not, for all that all have."""
    if call.scope.tensor(a[0]).constant is not None:
        a, b = b, a
    batch = "".join(c for c in result if c in a[1] and c in b[1])
    inner = "".join(c for c in a[1] if c in b[1] and c not in result)
    rows, columns = ("".join(c for c in one[1] if c not in other[1]) for one, other in ((a, b), (b, a)))
    sizes = _sizes(call, a) | {c: n for c, n in _sizes(call, b).items() if n > 1}
    m, k, n = (prod(sizes[c] for c in letters) for letters in (rows, inner, columns))
    if len(batch) + 2 > MAX_RANK:
        call.refuse(f"{len(batch)} dimensions that both operands and the result have")
    left = call.reshape(_ordered(call, *a, batch + rows + inner), (*_shape(call, a, batch), m, k))
    constant = call.scope.tensor(b[0]).constant
    if constant is not None and not batch:
        value = constant.transpose([b[1].index(c) for c in columns + inner]).reshape(n, k)
        w = call.scope.constant(b[0], value)
        y = call.emit(Dense(), (left, w), (m, n))
    else:
        right = call.reshape(_ordered(call, *b, batch + inner + columns), (*_shape(call, b, batch), k, n))
        y = product(call, left, right)
    wide = batch + rows + columns
    return _ordered(call, call.reshape(y, [sizes[c] for c in wide]), wide, result)


def _sizes(call: Call, operand: tuple[str, str]) -> Sizes:
    return dict(zip(operand[1], call.scope.tensor(operand[0]).shape, strict=True))


def _shape(call: Call, operand: tuple[str, str], letters: str) -> list[int]:
    sizes = _sizes(call, operand)
    return [sizes[c] for c in letters]
