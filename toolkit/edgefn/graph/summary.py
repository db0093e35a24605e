"""What a model is and what it costs, as data."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgefn.graph.importers.source import Source, SourcePort

if TYPE_CHECKING:
    from edgefn.graph.draft import Draft, Step
    from edgefn.graph.ir import Graph
    from edgefn.graph.records import Plan

__all__ = ["ModelSummary", "OpSummary", "summarize", "summarize_unsupported"]


@dataclass(frozen=True, slots=True)
class OpSummary:
    """One op of the plan; `name` is the model's own, `macs` multiply-accumulates."""

    op: str
    name: str
    shape: tuple[int, ...]
    dtype: str
    macs: int
    weights_bytes: int


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """`version` is ONNX's opset or TFLite's schema.

    For an unsupported model `unsupported` says why, and what only a plan can tell is 0 or empty.
    """

    name: str
    format: str
    version: int
    inputs: tuple[SourcePort, ...]
    outputs: tuple[SourcePort, ...]
    params: int
    macs: int
    weights_bytes: int
    arena_bytes: int
    ops: tuple[OpSummary, ...]
    supported: bool
    unsupported: tuple[str, ...] = ()


def summarize(source: Source, graph: "Graph", draft: "Draft", plan: "Plan", name: str) -> ModelSummary:
    """Summary of a compiled model."""
    ports = [
        tuple(SourcePort(p.name, graph.tensors[p.tensor].dtype, graph.tensors[p.tensor].shape, p.labels) for p in side)
        for side in (graph.inputs, graph.outputs)
    ]
    ops = tuple(_op(graph, step) for step in draft.steps)
    return ModelSummary(
        name=name,
        format=source.format,
        version=source.version,
        inputs=ports[0],
        outputs=ports[1],
        params=source.params,
        macs=sum(op.macs for op in ops),
        weights_bytes=len(plan.weights),
        arena_bytes=plan.arena_bytes,
        ops=ops,
        supported=True,
    )


def summarize_unsupported(source: Source, name: str, reasons: tuple[str, ...]) -> ModelSummary:
    """Summary of a model that does not compile."""
    return ModelSummary(
        name=name,
        format=source.format,
        version=source.version,
        inputs=source.inputs,
        outputs=source.outputs,
        params=source.params,
        macs=0,
        weights_bytes=0,
        arena_bytes=0,
        ops=tuple(OpSummary(n.op, n.label, (), "", 0, 0) for n in source.nodes),
        supported=False,
        unsupported=reasons,
    )


def _op(graph: "Graph", step: "Step") -> OpSummary:
    from edgefn.graph.draft import Packed  # noqa: PLC0415 -- numpy is slow to import

    y = graph.tensors[step.node.output]
    constants = [v for v in (*step.values.values(), *step.rest) if isinstance(v, Packed)]
    return OpSummary(step.code, step.node.name, y.shape, y.dtype, step.macs, sum(len(c.data) for c in constants))
