"""Which op of one plan computes what an op of another does: by the names that the model's author gave."""

from collections.abc import Callable, Iterable
from itertools import product

from edgefn.bench.subject import Subject
from edgefn.graph.flow import flow_of
from edgefn.graph.layers import Layer

__all__ = ["match_layers"]

type Pairs = dict[int, int]
type Named = Callable[[Layer], str]


def match_layers(a: Subject, b: Subject) -> tuple[tuple[int, int], ...]:
    """Numbers of ops of `a` and `b` that belong together, in the order of `a`; their results have equal shapes.

    Plans of the same ops belong together one by one. Others are matched by the tensors they compute, then by a tensor
    and a layer of the same name (quantizers keep a layer's name where they rename its tensor), then by layers, and in
    the end by what is returned.
    """
    if _ops(a) == _ops(b):
        return tuple((i, i) for i in range(len(a.plan.ops)))
    pairs: Pairs = {}
    for of_a, of_b in product((_output, _name), repeat=2):
        _add(pairs, a, b, _by_name(a, of_a, b, of_b))
    _add(pairs, a, b, _returned(a, b))
    return tuple(sorted(pairs.items()))


def _output(layer: Layer) -> str:
    return layer.output


def _name(layer: Layer) -> str:
    return layer.name


def _ops(s: Subject) -> list[tuple[str, tuple[int, ...]]]:
    return [(op.code.name, _dims(s, i)) for i, op in enumerate(s.plan.ops)]


def _dims(s: Subject, number: int) -> tuple[int, ...]:
    index: int = s.plan.ops[number]["y"]
    return s.plan.tensors[index].dims


def _add(pairs: Pairs, a: Subject, b: Subject, candidates: Iterable[tuple[int, int]]) -> None:
    """Take the pairs of equal shapes whose ops have no partner yet."""
    taken = set(pairs.values())
    for one, other in candidates:
        if one not in pairs and other not in taken and _dims(a, one) == _dims(b, other):
            pairs[one] = other
            taken.add(other)


def _by_name(a: Subject, of_a: Named, b: Subject, of_b: Named) -> Iterable[tuple[int, int]]:
    """Pairs of one name; where several ops have it, the last ones come first."""
    named: dict[str, list[int]] = {}
    for number, layer in enumerate(b.layers):
        named.setdefault(of_b(layer), []).insert(0, number)
    for number in reversed(range(len(a.layers))):
        name = of_a(a.layers[number])
        for other in named.get(name, ()) if name else ():
            yield number, other


def _returned(a: Subject, b: Subject) -> Iterable[tuple[int, int]]:
    """The ops that make each output, where it is one."""
    flows = flow_of(a.plan), flow_of(b.plan)
    for one, other in zip(flows[0].returned, flows[1].returned, strict=False):
        if len(one) == len(other) == 1:
            makers = flows[0].values[one[0]].maker, flows[1].values[other[0]].maker
            if makers[0] is not None and makers[1] is not None:
                yield makers[0], makers[1]
