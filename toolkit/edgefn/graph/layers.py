"""What the model's author called the ops of a plan, kept in its meta for reports (docs/spec/plan.md)."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from edgefn.graph.draft import Step
from edgefn.graph.records import Plan

__all__ = ["Layer", "described", "layers_of"]

MAX_NAME = 120
MAX_BYTES = 512 << 10  # of meta, which holds 1 MiB


@dataclass(frozen=True, slots=True)
class Layer:
    """`name` of the layer and `output` of its tensor, as in the model; `macs` multiply-accumulates, None if unknown."""

    name: str
    output: str
    macs: int | None


def described(steps: Iterable[Step]) -> list[list[Any]]:
    """Name, output and products of every step, as meta has them; none of them when they would take too much room."""
    rows = [[_known(step.node.name), _known(step.node.output), step.macs] for step in steps]
    return rows if len(json.dumps(rows, ensure_ascii=False).encode()) <= MAX_BYTES else []


def layers_of(plan: Plan) -> tuple[Layer, ...]:
    """One layer an op. What meta does not say, or says otherwise than it should, is left out."""
    rows = plan.meta.get("ops")
    if not isinstance(rows, list) or len(rows) != len(plan.ops):
        rows = [None] * len(plan.ops)
    return tuple(_layer(number, row) for number, row in enumerate(rows))


def _layer(number: int, row: object) -> Layer:
    match row:
        case [str(name), str(output), int(macs)] if 0 <= macs < 1 << 63:
            return Layer(name or output or f"op {number}", output, macs)
    return Layer(f"op {number}", "", None)


def _known(name: str) -> str:
    """A name as the author wrote it: without what the compiler appended, or TFLite of all that was fused into it."""
    first = name.removeprefix("-> ").partition(";")[0].partition("~")[0]
    return first if len(first) <= MAX_NAME else f"…{first[1 - MAX_NAME :]}"
