"""What a plan takes of memory: the arena beside what it could not stay below, and the op that decides it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from edgefn.graph.flow import Flow, Value, flow_of
from edgefn.graph.records import ALIGNMENT, Plan
from edgefn.graph.reference import Machine

__all__ = ["Footprint", "Resident", "footprint_of"]


@dataclass(frozen=True, slots=True)
class Resident:
    """Bytes needed at a step: of the value of op `maker` or input `port`, of the state, or, with none, of scratch."""

    nbytes: int
    maker: int | None = None
    port: int | None = None
    state: bool = False


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes. `live` is what is needed at each op: its operands, result and scratch, and what later ones need.

    `bound` is the largest of `live`: no placement takes less than it. Op `pin` has it (None without ops), and
    `residents` is what it is made of, the largest first.
    """

    arena_bytes: int
    bound: int
    weights_bytes: int
    live: tuple[int, ...]
    pin: int | None
    residents: tuple[Resident, ...]


def footprint_of(plan: Plan) -> Footprint:
    """Account for the memory of a plan that `read_plan` accepted."""
    flow, machine = flow_of(plan), Machine(plan)
    scratch = [op.code.scratch(machine, op) if op.code.scratch else 0 for op in plan.ops]
    live = _live(plan, flow, scratch)
    pin = max(range(len(live)), key=live.__getitem__, default=None)
    return Footprint(
        arena_bytes=plan.arena_bytes,
        bound=max(live, default=0),
        weights_bytes=len(plan.weights),
        live=live,
        pin=pin,
        residents=() if pin is None else _residents(plan, flow, pin, scratch[pin]),
    )


def _live(plan: Plan, flow: Flow, scratch: Sequence[int]) -> tuple[int, ...]:
    """Bytes needed at each step; what an op writes onto its operand counts once, and state always."""
    change = [plan.state_bytes] + [0] * (len(plan.ops) + 1)
    for value in _apart(plan, flow):
        change[value.first] += _room(plan.tensors[value.tensor].nbytes)
        change[value.last + 1] -= _room(plan.tensors[value.tensor].nbytes)
    for number in range(len(plan.ops)):
        twice = sum(_room(plan.tensors[flow.values[v].tensor].nbytes) for v in _overwritten(plan, flow, number))
        change[number] -= twice
        change[number + 1] += twice
    return tuple(n + _room(s) for n, s in zip(accumulate(change), scratch, strict=False))


def _apart(plan: Plan, flow: Flow) -> list[Value]:
    """The values that do not lie in the state."""
    return [v for v in flow.values if plan.tensors[v.tensor].offset >= plan.state_bytes]


def _overwritten(plan: Plan, flow: Flow, number: int) -> list[int]:
    """The values read by an op that its result lies on."""
    y = plan.tensors[plan.ops[number]["y"]]
    if y.offset < plan.state_bytes:
        return []
    return [v for v in flow.reads[number] if plan.tensors[flow.values[v].tensor].offset == y.offset]


def _residents(plan: Plan, flow: Flow, step: int, scratch: int) -> tuple[Resident, ...]:
    gone = [flow.values[v] for v in _overwritten(plan, flow, step)]
    found = [
        Resident(plan.tensors[v.tensor].nbytes, v.maker, v.port)
        for v in _apart(plan, flow)
        if v.first <= step <= v.last and v not in gone
    ]
    found += [Resident(scratch)] if scratch else []
    found += [Resident(plan.state_bytes, state=True)] if plan.state_bytes else []
    return tuple(sorted(found, key=lambda r: -r.nbytes))


def _room(nbytes: int) -> int:
    return -(-nbytes // ALIGNMENT) * ALIGNMENT
