"""`edgefn model inspect` as text: the graph beside a table of its ops, and the memory they take."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgefn.report.rails import rails
from edgefn.report.table import shape, short, table
from edgefn.report.units import size

if TYPE_CHECKING:  # a view needs the shape of a result, not the code that made it
    from edgefn.bench.anatomy import Anatomy, GraphNode, Memory

__all__ = ["anatomy"]

MOST_PARTS = 6
MOST_LABELS = 12
_WHAT = {"input": "input ", "result": "", "scratch": "scratch of ", "state": "state"}
_VERSIONS = {"onnx": "opset", "tflite": "schema", "plan": "version"}


def anatomy(model: "Anatomy") -> str:
    """What a model takes, gives and costs, op by op, with lines to where operands come from."""
    params = "" if model.params is None else f"{model.params:,} parameters, "
    lines = [
        f"{model.name}: {model.format}, {_VERSIONS[model.format]} {model.version}",
        f"  {params}{model.macs:,} multiply-accumulates",
        *(_graph(model) if model.supported else _listed(model)),
    ]
    lines += [f"  labels of {p.name}: {_few(p.labels)}" for p in model.outputs if p.labels]
    lines += [f"  takes up to {model.batch:,} items at once"] if model.batch > 1 else []
    lines += _memory(model, model.memory) if model.memory else []
    lines += ["  not supported:", *(f"    {reason}" for reason in model.unsupported)] if model.unsupported else []
    return "\n".join(lines)


def _few(labels: "Sequence[str]") -> str:
    more = f" and {len(labels) - MOST_LABELS:,} more" if len(labels) > MOST_LABELS else ""
    return ", ".join(map(short, labels[:MOST_LABELS])) + more


def _listed(model: "Anatomy") -> list[str]:
    """Ports and nodes of a model that has no plan."""
    ports = [("input", p.name, p.dtype, shape(p.shape)) for p in model.inputs]
    ports += [("output", p.name, p.dtype, shape(p.shape)) for p in model.outputs]
    return table(ports, right=()) + table([(n.op, short(n.name)) for n in model.nodes], right=())


def _graph(model: "Anatomy") -> list[str]:
    places = {node.id: at for at, node in enumerate(model.nodes)}
    reads: dict[int, list[int]] = {}
    for edge in model.edges:
        reads.setdefault(places[edge.target], []).append(places[edge.source])
    rows: list[tuple[str, ...]] = [("", "", "op", "layer", "reads", "shape", "dtype", "MACs", "weights", "memory")]
    for at, line in enumerate(rails(len(model.nodes), reads)):
        others = [model.nodes[source] for source in reads.get(at, ()) if source != at - 1]
        rows.append((line, *_row(model.nodes[at], others)))
    return table(rows, right=(1, 7, 8, 9))


def _row(node: "GraphNode", reads: "Sequence[GraphNode]") -> tuple[str, ...]:
    """The cells of a node, with the nodes it reads beside the one above."""
    described = (shape(node.shape), node.dtype)
    sources = ", ".join(_number(n) or n.name for n in reads)
    if not _number(node):
        return ("", node.op, short(node.name), sources, *described, "", "", "")
    macs = f"{node.macs:,}" if node.macs else ""
    costs = (macs, size(node.weights_bytes) if node.weights_bytes else "", size(node.live_bytes))
    return (_number(node), node.op, short(node.name), sources, *described, *costs)


def _number(node: "GraphNode") -> str:
    """The number of an op in the plan; nothing for inputs and outputs."""
    return node.id.removeprefix("op") if node.id.startswith("op") else ""


def _memory(model: "Anatomy", memory: "Memory") -> list[str]:
    pin = next((node for node in model.nodes if node.id == memory.pinned_by), None)
    lost = f"{size(memory.bound)} is the least possible" if memory.arena > memory.bound else "the least possible"
    kept = f", {size(memory.state)} of it kept between runs" if memory.state else ""
    lines = [f"  arena: {size(memory.arena)}, {lost}{kept}"]
    if pin:
        parts = [f"{size(p.nbytes)} {_WHAT[p.what]}{short(p.name)}" for p in memory.parts[:MOST_PARTS]]
        parts += [f"{len(memory.parts) - MOST_PARTS} more"] if len(memory.parts) > MOST_PARTS else []
        lines.append(f"    decided by op {_number(pin)}, {pin.op} {short(pin.name)}:")
        lines += [f"      {part}" for part in parts]
    return [
        *lines,
        f"  weights: {size(memory.weights)} as the engine reads them in place; the file has {size(memory.file)}",
        f"  by itself: {size(memory.linear)} of linear memory, with engine and plan",
    ]
