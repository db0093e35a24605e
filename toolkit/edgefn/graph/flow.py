"""What every op of a plan reads, who wrote it, and how long it is needed: from the bytes that ops touch."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from edgefn.graph.records import Plan, PlanOp, PlanTensor

__all__ = ["Flow", "Value", "flow_of"]


@dataclass(frozen=True, slots=True)
class Value:
    """What lies in a tensor's place after it was written: by op `maker`, or from outside as input `port`.

    It is needed from step `first` to step `last`, both included; steps are the numbers of ops.
    """

    tensor: int
    maker: int | None
    port: int | None
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Flow:
    """`values` are the inputs in their order, then one for each op; `reads` has, for each op, numbers of values.

    `returned` has the values that each output is made of. What an op reads that nothing in this run wrote, such as
    state that the last run left, is no value.
    """

    values: tuple[Value, ...]
    reads: tuple[tuple[int, ...], ...]
    returned: tuple[tuple[int, ...], ...]


def flow_of(plan: Plan) -> Flow:
    """Follow the values of a plan that `read_plan` accepted. Inputs are there when it begins, outputs when it ends."""
    end = len(plan.ops)
    ground = _Ground()
    made: list[tuple[int, int | None, int | None]] = []
    last: list[int] = []
    for port, index in enumerate(plan.inputs):
        ground.write(plan.tensors[index], len(made))
        made.append((index, None, port))
        last.append(0)
    reads = []
    for number, op in enumerate(plan.ops):
        found = tuple(dict.fromkeys(v for t in _read(plan, op) for v in ground.read(t)))
        for value in found:
            last[value] = max(last[value], number)
        reads.append(found)
        ground.write(plan.tensors[op["y"]], len(made))
        made.append((op["y"], number, None))
        last.append(number)
    returned = tuple(tuple(ground.read(plan.tensors[i])) for i in plan.outputs)
    for value in (v for values in returned for v in values):
        last[value] = end
    values = tuple(Value(t, maker, port, maker or 0, last[v]) for v, (t, maker, port) in enumerate(made))
    return Flow(values, tuple(reads), returned)


def _read(plan: Plan, op: PlanOp) -> Iterator[PlanTensor]:
    """The tensors in the arena that an op reads."""
    named = zip(op.code.parameters, op.values, strict=True)
    indices = [int(v) for p, v in named if p.kind == "tensor" and p.name != "y"]
    for index in (*indices, *op.rest):
        if plan.tensors[index].place == "arena":
            yield plan.tensors[index]


class _Ground:
    """The arena as ranges that do not overlap, in order, each with the value that was written there last."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.values: list[int] = []

    def _touched(self, t: PlanTensor) -> slice:
        """The ranges that share a byte with a tensor."""
        return slice(bisect_right(self.ends, t.offset), bisect_left(self.starts, t.offset + t.nbytes))

    def read(self, t: PlanTensor) -> list[int]:
        return self.values[self._touched(t)]

    def write(self, t: PlanTensor, value: int) -> None:
        begin, end, at = t.offset, t.offset + t.nbytes, self._touched(t)
        ranges = list(zip(self.starts[at], self.ends[at], self.values[at], strict=True))
        kept = [(s, begin, v) for s, _, v in ranges[:1] if s < begin]
        kept.append((begin, end, value))
        kept += [(end, e, v) for _, e, v in ranges[-1:] if e > end]
        self.starts[at] = [s for s, _, _ in kept]
        self.ends[at] = [e for _, e, _ in kept]
        self.values[at] = [v for _, _, v in kept]
