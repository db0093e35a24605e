"""The walk over an ONNX model's nodes."""

from typing import Literal

from edgefn.errors import ModelError, UnsupportedError
from edgefn.graph.importers.builder import dtype_of
from edgefn.graph.importers.onnx.file import OnnxModel, OnnxNode, OnnxPort
from edgefn.graph.importers.onnx.folding import fold
from edgefn.graph.importers.onnx.registry import HANDLERS, supported_ops
from edgefn.graph.importers.onnx.scope import Call, Scope
from edgefn.graph.importers.onnx.windows import FROM_NHWC, TO_NHWC
from edgefn.graph.ir import Graph, Node, Port, Tensor
from edgefn.graph.ops import Reshape, Transpose

__all__ = ["import_onnx", "unsupported_nodes"]

type Side = Literal["input", "output"]
type Layout = Literal["NCHW", "NHWC"]

MAX_STEPS_TO_LAYOUT = 6
_FOLDABLE = frozenset(op.name for op in supported_ops())


def import_onnx(model: OnnxModel) -> Graph:
    """Return the graph of a model, with one Transpose on each side of every op that works on images.

    Raises UnsupportedError EFN-M010 (op), EFN-M011 (a form of an op), ModelError EFN-M006 (malformed), EFN-M007 (a
    symbolic dimension) and EFN-M008 (a bound).
    """
    scope = Scope(Graph(model.name), opset=model.opset)
    for name, array in model.constants.items():
        scope.names[name] = scope.graph.add(Tensor(name, dtype_of(array), array.shape, constant=array))
    inputs = tuple(_input(scope, port) for port in model.inputs)
    for node in model.nodes:
        _import(scope, node)
    outputs = scope.outputs(inputs, [_output(scope, port) for port in model.outputs])
    scope.graph.inputs, scope.graph.outputs = _with_layouts(scope.graph, inputs, outputs)
    return scope.graph


def unsupported_nodes(model: OnnxModel) -> tuple[str, ...]:
    """One line for every node whose op is not supported at all."""
    return tuple(_unsupported(node) for node in model.nodes if not _known(node))


def _known(node: OnnxNode) -> bool:
    return node.domain in {"", "ai.onnx"} and node.op in _FOLDABLE


def _unsupported(node: OnnxNode) -> str:
    op = f"{node.domain}.{node.op}" if node.domain not in {"", "ai.onnx"} else node.op
    return f"op {op} (node {node.label!r})"


def _input(scope: Scope, port: OnnxPort) -> Port:
    dims = []
    for axis, d in enumerate(port.dims):
        if isinstance(d, str) and axis == 0:
            dims.append(1)
        elif isinstance(d, str):
            message = f"input {port.name!r} has the symbolic dimension {d!r} at axis {axis}"
            raise ModelError("EFN-M007", message, hint="python -m onnxruntime.tools.make_dynamic_shape_fixed fixes it")
        else:
            dims.append(d)
    if port.name in scope.names:
        raise ModelError("EFN-M006", f"input {port.name!r} is declared twice", hint="export the model again")
    made = scope.input(Tensor(port.name, port.dtype, tuple(dims)))
    scope.names[port.name] = made.tensor
    return made


def _import(scope: Scope, node: OnnxNode) -> None:
    if not _known(node):
        known = ", ".join(op.name for op in supported_ops())
        message = f"{_unsupported(node)} is not supported. Supported are {known}"
        raise UnsupportedError("EFN-M010", message, hint="replace the op, or keep that part of the model outside")
    call = Call(scope, node)
    if not node.outputs or not node.outputs[0] or node.outputs[0] in scope.names:
        call.malformed("its output has no name of its own")
    value = fold(call)
    if value is not None:
        scope.names[node.outputs[0]] = scope.constant(node.outputs[0], value)
    elif node.op in HANDLERS:
        scope.names[node.outputs[0]] = HANDLERS[node.op][0](call)
    else:
        call.refuse("its inputs are computed at run time; it is supported on constants")


def _output(scope: Scope, port: OnnxPort) -> tuple[str, str]:
    if port.name not in scope.names:
        raise ModelError("EFN-M006", f"output {port.name!r} is computed by no node", hint="export the model again")
    return port.name, scope.names[port.name]


def _with_layouts(
    graph: Graph, inputs: tuple[Port, ...], outputs: tuple[Port, ...]
) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """Say NCHW or NHWC of ports of rank 4, as the first or last Transpose on their way tells."""
    readers: dict[str, Node] = {}
    for node in reversed(graph.nodes):
        readers.update(dict.fromkeys(node.inputs, node))
    makers = graph.producers()
    known_in: dict[tuple[int, ...], Layout] = {TO_NHWC: "NCHW", FROM_NHWC: "NHWC"}
    known_out: dict[tuple[int, ...], Layout] = {FROM_NHWC: "NCHW", TO_NHWC: "NHWC"}
    ins = tuple(Port(p.name, p.tensor, _layout(readers, p.tensor, "input", known_in)) for p in inputs)
    return ins, tuple(Port(p.name, p.tensor, _layout(makers, p.tensor, "output", known_out)) for p in outputs)


def _layout(neighbours: dict[str, Node], name: str, side: Side, known: dict[tuple[int, ...], Layout]) -> Layout | None:
    """Walk a few elementwise ops from a port to the Transpose that tells its layout."""
    for _ in range(MAX_STEPS_TO_LAYOUT):
        node = neighbours.get(name)
        if node is None or isinstance(node.op, Reshape):
            return None
        if isinstance(node.op, Transpose):
            return known.get(node.op.perm)
        name = node.output if side == "input" else node.inputs[0]
    return None
