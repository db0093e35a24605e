"""`edgefn model inspect`: the graph of a model or plan, what its ops cost, and what it takes of memory."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgefn.bench.subject import Subject, try_subject
from edgefn.engine.standalone import Runner
from edgefn.graph.batch import batch_of
from edgefn.graph.flow import Flow, Value, flow_of
from edgefn.graph.footprint import Footprint, Resident, footprint_of
from edgefn.graph.header import VERSION
from edgefn.graph.importers.source import SourcePort
from edgefn.graph.records import Plan, PlanOp
from edgefn.graph.summary import ModelSummary

__all__ = ["Anatomy", "Edge", "GraphNode", "Memory", "Part", "dissect", "weights_bytes"]


@dataclass(frozen=True, slots=True)
class GraphNode:
    """An input, an op of the plan, an output, or the state at either end; `name` is the model's own.

    `live_bytes` is what the arena must hold while the op runs: its operands, result and scratch, and what later ops
    need.
    """

    id: str
    op: str
    name: str
    shape: tuple[int | str, ...]
    dtype: str
    macs: int | None = None
    weights_bytes: int = 0
    live_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Edge:
    """The node `target` reads what the node `source` computes."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes that are needed at one time: a layer's result, an input, a layer's scratch, or the state between runs."""

    what: Literal["result", "input", "scratch", "state"]
    name: str
    nbytes: int


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes. `bound` is what no placement in the arena can stay below: what node `pinned_by` needs, `parts` in all.

    `linear` is the whole linear memory of the plan in an engine that runs by itself, in pages of 64 KiB: the engine's
    stack and data, the plan with its weights, the arena. `state` of the arena is kept between runs.
    """

    arena: int
    bound: int
    pinned_by: str | None
    parts: tuple[Part, ...]
    weights: int
    file: int
    linear: int
    state: int = 0


@dataclass(frozen=True, slots=True)
class Anatomy:
    """`version` is ONNX's opset, TFLite's schema or a plan's format; `params` None where only the model could tell.

    `batch` is how many items it can be given at once, one being run after another.
    For an unsupported model `unsupported` says why, `nodes` are those of its file, and the rest is empty.
    """

    name: str
    format: str
    version: str
    inputs: tuple[SourcePort, ...]
    outputs: tuple[SourcePort, ...]
    params: int | None
    macs: int
    nodes: tuple[GraphNode, ...]
    edges: tuple[Edge, ...]
    memory: Memory | None
    supported: bool
    batch: int = 1
    unsupported: tuple[str, ...] = ()


def dissect(
    path: Path, dims: Mapping[str, int] | None = None, shapes: Mapping[str, tuple[int, ...]] | None = None
) -> Anatomy:
    """Look into the model or plan at `path`, sized as `open_subject` says. Raises ModelError when it is neither."""
    found = try_subject(path, dims, shapes)
    return _supported(found) if isinstance(found, Subject) else _unsupported(found)


def weights_bytes(plan: Plan, op: PlanOp) -> int:
    """Bytes of the constants that an op reads."""
    tensors = [plan.tensors[i] for i in dict.fromkeys((*op.tensors.values(), *op.rest))]
    return sum(t.nbytes for t in tensors if t.place == "weights")


def _supported(subject: Subject) -> Anatomy:
    plan, summary = subject.plan, subject.summary
    flow, footprint = flow_of(plan), footprint_of(plan)
    inputs, outputs = (_ports(plan, side) for side in ("inputs", "outputs"))
    return Anatomy(
        name=subject.name,
        format=summary.format if summary else "plan",
        version=str(summary.version) if summary else ".".join(map(str, VERSION)),
        inputs=inputs,
        outputs=outputs,
        params=summary.params if summary else None,
        macs=sum(layer.macs or 0 for layer in subject.layers),
        nodes=(
            *(GraphNode(f"input{i}", "input", p.name, p.shape, p.dtype) for i, p in enumerate(inputs)),
            *_state(plan, "state", "of the last run"),
            *(_op(subject, number, footprint.live[number]) for number in range(len(plan.ops))),
            *(GraphNode(f"output{i}", "output", p.name, p.shape, p.dtype) for i, p in enumerate(outputs)),
            *_state(plan, "kept", "for the next run"),
        ),
        edges=tuple(_edges(flow)),
        memory=_memory(subject, footprint),
        supported=True,
        batch=batch_of(plan),
    )


def _ports(plan: Plan, side: str) -> tuple[SourcePort, ...]:
    """Inputs or outputs in the types that the model declares."""
    indices = plan.inputs if side == "inputs" else plan.outputs
    tensors = (plan.tensors[i] for i in indices)
    ports = zip(plan.meta[side], tensors, strict=True)
    return tuple(SourcePort(p["name"], p.get("dtype") or t.dtype, t.dims, tuple(p.get("labels", ()))) for p, t in ports)


def _state(plan: Plan, node: str, name: str) -> tuple[GraphNode, ...]:
    """A node for what is kept between runs, if anything is."""
    return (GraphNode(node, "state", name, (plan.state_bytes,), "u8"),) if plan.state_bytes else ()


def _op(subject: Subject, number: int, live: int) -> GraphNode:
    op, layer = subject.plan.ops[number], subject.layers[number]
    y = subject.plan.tensors[op["y"]]
    weights = weights_bytes(subject.plan, op)
    return GraphNode(f"op{number}", op.code.name, layer.name, y.dims, y.dtype, layer.macs, weights, live)


def _edges(flow: Flow) -> Iterator[Edge]:
    yield from (Edge("state", f"op{target}") for target in flow.resumed)
    targets = [*((f"op{i}", values) for i, values in enumerate(flow.reads))]
    targets += [*((f"output{i}", values) for i, values in enumerate(flow.returned)), ("kept", flow.kept)]
    for target, values in targets:
        yield from (Edge(_id(flow.values[value]), target) for value in values)


def _id(made: Value | Resident) -> str:
    return f"input{made.port}" if made.port is not None else f"op{made.maker}"


def _memory(subject: Subject, footprint: Footprint) -> Memory:
    with Runner(subject.blob) as runner:
        linear = runner.memory_bytes
    return Memory(
        arena=footprint.arena_bytes,
        bound=footprint.bound,
        pinned_by=None if footprint.pin is None else f"op{footprint.pin}",
        parts=tuple(_part(subject, footprint, r) for r in footprint.residents),
        weights=footprint.weights_bytes,
        file=subject.file_bytes,
        linear=linear,
        state=subject.plan.state_bytes,
    )


def _part(subject: Subject, footprint: Footprint, resident: Resident) -> Part:
    if resident.port is not None:
        return Part("input", subject.plan.meta["inputs"][resident.port]["name"], resident.nbytes)
    if resident.maker is not None:
        return Part("result", subject.layers[resident.maker].name, resident.nbytes)
    if resident.state:
        return Part("state", "", resident.nbytes)
    return Part("scratch", subject.layers[footprint.pin or 0].name, resident.nbytes)


def _unsupported(summary: ModelSummary) -> Anatomy:
    return Anatomy(
        name=summary.name,
        format=summary.format,
        version=str(summary.version),
        inputs=summary.inputs,
        outputs=summary.outputs,
        params=summary.params,
        macs=summary.macs,
        nodes=tuple(GraphNode(f"op{i}", o.op, o.name, o.shape, o.dtype) for i, o in enumerate(summary.ops)),
        edges=(),
        memory=None,
        supported=False,
        unsupported=summary.unsupported,
    )
