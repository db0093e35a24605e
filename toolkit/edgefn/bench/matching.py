"""Which op of one plan computes what an op of another does: by the names that the model's author gave."""

from collections.abc import Callable, Iterable, Iterator
from itertools import product

from edgefn.bench.subject import Subject
from edgefn.graph.flow import flow_of
from edgefn.graph.layers import Layer

__all__ = ["match_layers"]

type Pairs = dict[int, int]
type Key = tuple[str, tuple[int, ...]]  # a name, and the shape of the result
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
        pairs |= _alike(_named(a, of_a, set(pairs)), _named(b, of_b, set(pairs.values())))
    for one, other in _returned(a, b):
        if one not in pairs and other not in pairs.values() and _dims(a, one) == _dims(b, other):
            pairs[one] = other
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


def _named(s: Subject, named: Named, taken: set[int]) -> dict[Key, list[int]]:
    """The ops that have no partner yet by their name and shape, in their order."""
    found: dict[Key, list[int]] = {}
    for number, layer in enumerate(s.layers):
        if number not in taken and named(layer):
            found.setdefault((named(layer), _dims(s, number)), []).append(number)
    return found


def _alike(a: dict[Key, list[int]], b: dict[Key, list[int]]) -> Iterator[tuple[int, int]]:
    """Pairs of one name and shape; of several the last with the last, which computes what the others led to."""
    for key, numbers in a.items():
        yield from zip(reversed(numbers), reversed(b.get(key, [])), strict=False)


def _returned(a: Subject, b: Subject) -> Iterable[tuple[int, int]]:
    """The ops that make each output, where it is one."""
    flows = flow_of(a.plan), flow_of(b.plan)
    for one, other in zip(flows[0].returned, flows[1].returned, strict=False):
        if len(one) == len(other) == 1:
            makers = flows[0].values[one[0]].maker, flows[1].values[other[0]].maker
            if makers[0] is not None and makers[1] is not None:
                yield makers[0], makers[1]
