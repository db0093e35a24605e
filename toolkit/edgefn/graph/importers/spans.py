"""Parts of a tensor: along every axis some elements at equal steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from edgefn.graph.importers.call import Call
from edgefn.graph.ir import Shape, Tensor
from edgefn.graph.ops import Slice, Tile

__all__ = ["Span", "broadcast", "divided", "sliced", "taken", "tiled"]


@dataclass(frozen=True, slots=True)
class Span:
    """What a slice takes along one axis: `count` elements from `begin` on, `step` apart; a step of 0 repeats one."""

    begin: int
    step: int
    count: int


def taken(length: int, start: int | None, end: int | None, step: int) -> Span:
    """What `[start:end:step]` takes of so many elements; the step is not 0."""
    chosen = range(length)[start:end:step]
    return Span(chosen.start if chosen else 0, step, len(chosen))


def sliced(call: Call, x: Tensor, spans: Sequence[Span]) -> str:
    """Emit a slice with one span for each axis, unless it takes everything."""
    if list(spans) == [Span(0, 1, d) for d in x.shape]:
        return x.name
    op = Slice(tuple(s.begin for s in spans), tuple(s.step for s in spans))
    return call.moved(op, x, tuple(s.count for s in spans))


def divided(call: Call, x: Tensor, axis: int, sizes: Sequence[int]) -> tuple[str, ...]:
    """Emit the parts that an axis falls into, of these sizes."""
    whole = [Span(0, 1, d) for d in x.shape]
    begins = accumulate(sizes, initial=0)
    parts = [Span(begin, 1, size) for begin, size in zip(begins, sizes, strict=False)]
    return tuple(sliced(call, x, [*whole[:axis], part, *whole[axis + 1 :]]) for part in parts)


def tiled(call: Call, x: Tensor, counts: Sequence[int]) -> str:
    """Emit so many repetitions of `x` along each axis."""
    for axis, count in enumerate(counts):  # one by one, as six dimensions cannot hold all of them at once
        if count != 1:
            shape = (*x.shape[:axis], x.shape[axis] * count, *x.shape[axis + 1 :])
            one = tuple(count if i == axis else 1 for i in range(len(shape)))
            x = call.scope.tensor(call.moved(Tile(one), x, shape))
    return x.name


def broadcast(call: Call, x: Tensor, shape: Shape) -> str:
    """Emit `x` in a shape that it broadcasts to."""
    wide = call.scope.tensor(call.reshape(x.name, (*[1] * (len(shape) - len(x.shape)), *x.shape)))
    return sliced(call, wide, [Span(0, int(n == d), n) for n, d in zip(shape, wide.shape, strict=True)])
