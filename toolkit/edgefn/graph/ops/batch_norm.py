"""batch_norm: `x * scale + shift` with vectors along the last axis. Never in a plan: a pass folds it into weights."""

from dataclasses import dataclass

from edgefn.graph.draft import Lowering, Step
from edgefn.graph.ir import Node, Op

__all__ = ["BatchNorm", "lower"]


@dataclass(frozen=True, slots=True)
class BatchNorm(Op):
    """Inputs x, scale, shift."""


def lower(low: Lowering, node: Node, _op: BatchNorm) -> Step:
    raise low.impossible(node)
