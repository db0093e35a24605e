"""What a model is and what it costs, as data."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgefn.graph.draft import Draft, Step
    from edgefn.graph.importers.onnx.file import OnnxModel, OnnxPort
    from edgefn.graph.ir import Graph
    from edgefn.graph.records import Plan

__all__ = ["ModelSummary", "OpSummary", "PortSummary", "summarize", "summarize_unsupported"]


@dataclass(frozen=True, slots=True)
class PortSummary:
    """An input or output; `shape` holds a name where the model leaves a dimension open."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]


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
    """For an unsupported model `unsupported` says why, and what only a plan can tell is 0 or empty."""

    name: str
    format: str
    opset: int
    inputs: tuple[PortSummary, ...]
    outputs: tuple[PortSummary, ...]
    params: int
    macs: int
    weights_bytes: int
    arena_bytes: int
    ops: tuple[OpSummary, ...]
    supported: bool
    unsupported: tuple[str, ...] = ()


def summarize(model: "OnnxModel", graph: "Graph", draft: "Draft", plan: "Plan", name: str) -> ModelSummary:
    """Summary of a compiled model."""
    ports = [
        tuple(PortSummary(p.name, graph.tensors[p.tensor].dtype, graph.tensors[p.tensor].shape) for p in side)
        for side in (graph.inputs, graph.outputs)
    ]
    ops = tuple(_op(graph, step) for step in draft.steps)
    return ModelSummary(
        name=name,
        format="onnx",
        opset=model.opset,
        inputs=ports[0],
        outputs=ports[1],
        params=_params(model),
        macs=sum(op.macs for op in ops),
        weights_bytes=len(plan.weights),
        arena_bytes=plan.arena_bytes,
        ops=ops,
        supported=True,
    )


def summarize_unsupported(model: "OnnxModel", name: str, reasons: tuple[str, ...]) -> ModelSummary:
    """Summary of a model that does not compile."""
    return ModelSummary(
        name=name,
        format="onnx",
        opset=model.opset,
        inputs=tuple(map(_port, model.inputs)),
        outputs=tuple(map(_port, model.outputs)),
        params=_params(model),
        macs=0,
        weights_bytes=0,
        arena_bytes=0,
        ops=tuple(OpSummary(n.op, n.label, (), "", 0, 0) for n in model.nodes),
        supported=False,
        unsupported=reasons,
    )


def _port(port: "OnnxPort") -> PortSummary:
    return PortSummary(port.name, port.dtype, port.dims)


def _params(model: "OnnxModel") -> int:
    """Numbers in the model's floating-point and 8-bit constants, scales and zero points included."""
    return sum(c.size for c in model.constants.values() if c.dtype.kind == "f" or c.dtype.itemsize == 1)


def _op(graph: "Graph", step: "Step") -> OpSummary:
    from edgefn.graph.draft import Packed  # noqa: PLC0415 -- numpy is slow to import

    y = graph.tensors[step.node.output]
    constants = [v for v in (*step.values.values(), *step.rest) if isinstance(v, Packed)]
    return OpSummary(step.code, step.node.name, y.shape, y.dtype, step.macs, sum(len(c.data) for c in constants))
