"""Graph to draft: every node as an op of the plan; what only one side of a choice needs can be left out."""

from dataclasses import replace
from typing import Any

from edgefn.errors import UnsupportedError
from edgefn.graph.allowance import Allowance
from edgefn.graph.choice import Side, gather_sides
from edgefn.graph.draft import Draft, Lowering, Packed, Step
from edgefn.graph.ir import Graph, Node, Tensor
from edgefn.graph.ops import LOWERINGS, Select

__all__ = ["lower"]


def lower(graph: Graph) -> Draft:
    """Return the steps of an optimized graph, whose nodes may be put into another order.

    Raises UnsupportedError EFN-M012 for a node that no op of the engine can do, ModelError EFN-M008 when the constants
    are beyond the allowance.
    """
    sides = gather_sides(graph)
    lowering = Lowering(graph, Draft())
    steps = lowering.draft.steps
    begun: list[tuple[Side, int]] = []
    constants: dict[bytes, bytes] = {}
    for node in graph.nodes:
        begun += [(side, len(steps)) for side in sides if side.first == node.output]
        step = LOWERINGS[type(node.op)](lowering, node, node.op)
        if step is not None:
            steps.append(_sharing(step, constants, graph.allowance))
        while begun and begun[-1][0].last == node.output:
            side, at = begun.pop()
            if len(steps) > at:
                steps.insert(at, _skip(lowering, side, len(steps) - at))
    return lowering.draft


def _sharing(step: Step, constants: dict[bytes, bytes], allowance: Allowance) -> Step:
    """The step, with what it packs kept once for all steps that pack the same."""

    def kept(value: Any) -> Any:  # noqa: ANN401 -- what a step may hold
        if not isinstance(value, Packed):
            return value
        if not all(value.dims):
            message = f"node {step.node.name!r} reads a constant of shape {value.dims}, which is empty"
            raise UnsupportedError("EFN-M012", message, hint="remove what computes nothing before you export")
        if value.data not in constants:
            allowance.spend(len(value.data))
        return replace(value, data=constants.setdefault(value.data, value.data))

    values = {name: kept(value) for name, value in step.values.items()}
    return replace(step, values=values, rest=tuple(map(kept, step.rest)))


def _skip(low: Lowering, side: Side, count: int) -> Step:
    """What leaves out the next `count` steps where they are not needed."""
    y = low.graph.add(Tensor(f"{side.name}.skip", "i32", ()))
    values = {"cond": low.source(side.cond), "y": y, "expected": int(not side.needed), "count": count}
    return Step("skip", Node(side.name, Select(), (side.cond,), y), values)
