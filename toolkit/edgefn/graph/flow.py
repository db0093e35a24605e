"""What every op of a plan reads, who wrote it, and how long it is needed: from the bytes that ops touch."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from edgefn.graph.records import Plan, PlanOp

__all__ = ["Flow", "Value", "flow_of"]

OLD = -1  # what the last run left, among the numbers of values


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

    `returned` has the values that each output is made of. What the last run left is no value: `resumed` has the ops
    that read of it, and `kept` the values that the next run finds.
    """

    values: tuple[Value, ...]
    reads: tuple[tuple[int, ...], ...]
    returned: tuple[tuple[int, ...], ...]
    resumed: tuple[int, ...]
    kept: tuple[int, ...]


def flow_of(plan: Plan) -> Flow:
    """Follow the values of a plan that `read_plan` accepted. Inputs are there when it begins, outputs when it ends."""
    end = len(plan.ops)
    ground = _Ground()
    if plan.state_bytes:
        ground.write(0, plan.state_bytes, OLD)
    made: list[tuple[int, int | None, int | None]] = []
    last: list[int] = []
    for port, index in enumerate(plan.inputs):
        ground.write(*_range(plan, index), len(made))
        made.append((index, None, port))
        last.append(0)
    reads, resumed = [], []
    for number, op in enumerate(plan.ops):
        found = dict.fromkeys(v for index in _read(plan, op) for v in ground.read(*_range(plan, index)))
        resumed += [number] if found.pop(OLD, 0) is None else []
        for value in found:
            last[value] = max(last[value], number)
        reads.append(tuple(found))
        ground.write(*_range(plan, op["y"]), len(made))
        made.append((op["y"], number, None))
        last.append(number)
    returned = tuple(_new(ground.read(*_range(plan, i))) for i in plan.outputs)
    kept = _new(ground.read(0, plan.state_bytes))
    for value in (v for values in (*returned, kept) for v in values):
        last[value] = end
    values = tuple(Value(t, maker, port, maker or 0, last[v]) for v, (t, maker, port) in enumerate(made))
    return Flow(values, tuple(reads), returned, tuple(resumed), kept)


def _new(values: list[int]) -> tuple[int, ...]:
    """The values of this run, once each."""
    return tuple(v for v in dict.fromkeys(values) if v != OLD)


def _range(plan: Plan, tensor: int) -> tuple[int, int]:
    """Where a tensor begins in the arena, and where it ends."""
    t = plan.tensors[tensor]
    return t.offset, t.offset + t.nbytes


def _read(plan: Plan, op: PlanOp) -> Iterator[int]:
    """The tensors in the arena that an op reads."""
    operands = [index for name, index in op.tensors.items() if name != "y"]
    for index in (*operands, *op.rest):
        if plan.tensors[index].place == "arena":
            yield index


class _Ground:
    """The arena as ranges that do not overlap, in order, each with the value that was written there last."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.values: list[int] = []

    def _touched(self, begin: int, end: int) -> slice:
        """The ranges that share a byte with the one from `begin` to `end`."""
        return slice(bisect_right(self.ends, begin), bisect_left(self.starts, end))

    def read(self, begin: int, end: int) -> list[int]:
        return self.values[self._touched(begin, end)]

    def write(self, begin: int, end: int, value: int) -> None:
        at = self._touched(begin, end)
        ranges = list(zip(self.starts[at], self.ends[at], self.values[at], strict=True))
        kept = [(s, begin, v) for s, _, v in ranges[:1] if s < begin]
        kept.append((begin, end, value))
        kept += [(end, e, v) for _, e, v in ranges[-1:] if e > end]
        self.starts[at] = [s for s, _, _ in kept]
        self.ends[at] = [e for _, e, _ in kept]
        self.values[at] = [v for _, _, v in kept]
