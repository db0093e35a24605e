"""The walk over an ONNX model's nodes."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Literal

import numpy as np
import onnx

from edgefn.errors import ModelError, UnsupportedError
from edgefn.graph.allowance import Allowance
from edgefn.graph.importers.dims import resolve_dims
from edgefn.graph.importers.onnx.file import OnnxModel, OnnxNode, OnnxPort, every_node
from edgefn.graph.importers.onnx.folding import fold
from edgefn.graph.importers.onnx.labels import carried, constant
from edgefn.graph.importers.onnx.registry import HANDLERS, supported_ops
from edgefn.graph.importers.onnx.scope import Call, Scope
from edgefn.graph.importers.onnx.windows import FROM_NHWC, TO_NHWC
from edgefn.graph.importers.source import SourcePort
from edgefn.graph.importers.surprise import surprises
from edgefn.graph.ir import RUNTIME, DType, Graph, Node, Port, Shape, Tensor
from edgefn.graph.ops import Reshape, Transpose

__all__ = ["import_onnx", "unsupported_nodes"]

type Side = Literal["input", "output"]
type Layout = Literal["NCHW", "NHWC"]

MAX_STEPS_TO_LAYOUT = 6
_KNOWN = frozenset(op.name for op in supported_ops())


def import_onnx(model: OnnxModel, sizes: Mapping[str, int]) -> Graph:
    """Return the graph of a model under the sizes of its open dimensions.

    Every op that works on images has one Transpose on each side. Errors are those that `Source.to_graph` names.
    """
    scope = Scope(Graph(model.name, allowance=Allowance(model.file_bytes)), opset=model.opset, visit=_import)
    for name, array in model.constants.items():
        scope.names[name] = constant(scope, name, array)
    shapes = resolve_dims([SourcePort(p.name, p.dtype, p.dims) for p in model.inputs], sizes)
    inputs = tuple(_input(scope, port, shape) for port, shape in zip(model.inputs, shapes, strict=True))
    for node in model.nodes:
        _import(scope, node)
    outputs = scope.outputs(inputs, [_output(scope, port) for port in model.outputs])
    outputs = tuple(
        replace(made, dtype=_declared(port), labels=scope.labels.get(port.name, ()))
        for made, port in zip(outputs, model.outputs, strict=True)
    )
    scope.graph.inputs, scope.graph.outputs = _with_layouts(scope.graph, inputs, outputs)
    return scope.graph


def unsupported_nodes(model: OnnxModel) -> tuple[str, ...]:
    """One line for every node whose op is not supported at all, those of branches too."""
    return tuple(_unsupported(node) for node in every_node(model.nodes) if not _known(node))


def _known(node: OnnxNode) -> bool:
    return node.qualified in _KNOWN


def _unsupported(node: OnnxNode) -> str:
    return f"op {node.qualified} (node {node.label!r})"


def _input(scope: Scope, port: OnnxPort, shape: Shape) -> Port:
    if port.name in scope.names:
        raise ModelError("EFN-M006", f"input {port.name!r} is declared twice", hint="export the model again")
    made = scope.input(Tensor(port.name, RUNTIME[port.dtype], shape))
    scope.names[port.name] = made.tensor
    scope.inputs[port.name] = port.dtype
    return replace(made, dtype=_declared(port))


def _declared(port: OnnxPort) -> DType | None:
    """The type that the model declares, where it is computed in another."""
    return port.dtype if RUNTIME[port.dtype] != port.dtype else None


def _import(scope: Scope, node: OnnxNode) -> None:
    if not _known(node):
        known = ", ".join(op.name for op in supported_ops())
        message = f"{_unsupported(node)} is not supported. Supported are {known}"
        raise UnsupportedError("EFN-M010", message, hint="replace the op, or keep that part of the model outside")
    call = Call(scope, node)
    named = [name for name in node.outputs if name]
    if not named or len(set(named)) < len(named) or any(name in scope.names.maps[0] for name in named):
        call.malformed("its output has no name of its own")
    _check_count(call)
    labels = carried(call)
    for name in named:
        scope.renew(name)
    if labels:
        scope.labels[node.outputs[0]] = labels
    values = fold(call)
    if values is not None:
        _bind(call, tuple(constant(scope, named[0], value) for value in values))
    elif node.qualified in HANDLERS:
        with surprises(node.op, node.label), np.errstate(all="ignore"):  # the model's numbers may be anything
            made = HANDLERS[node.qualified][0](call)
        _bind(call, made)
    else:
        call.refuse("its inputs are computed at run time; it is supported on constants")


def _check_count(call: Call) -> None:
    """Need as many inputs as the op takes, where ONNX itself defines it."""
    node, given = call.node, len(call.node.inputs)
    domain = "" if node.domain == "ai.onnx" else node.domain
    with suppress(onnx.defs.SchemaError):
        schema = onnx.defs.get_schema(node.op, max_inclusive_version=call.opset, domain=domain)
        if not schema.min_input <= given <= schema.max_input:
            call.malformed(f"it has {given} inputs")


def _bind(call: Call, made: str | tuple[str, ...]) -> None:
    """Give the node's outputs what its handler made, one tensor or several."""
    made = (made,) if isinstance(made, str) else made
    wanted = call.node.outputs
    if any(wanted[len(made) :]):
        call.refuse(f"output {wanted[len(made)]!r}; {len(made)} of its outputs can be had")
    call.scope.names.update({name: tensor for name, tensor in zip(wanted, made, strict=False) if name})


def _output(scope: Scope, port: OnnxPort) -> tuple[str, str]:
    if port.name not in scope.names:
        raise ModelError("EFN-M006", f"output {port.name!r} is computed by no node", hint="export the model again")
    if scope.names[port.name] in scope.sequences:
        raise UnsupportedError("EFN-M011", f"output {port.name!r} is a sequence", hint="give its tensors out instead")
    if port.kind != "numbers" and not scope.labels.get(port.name):
        message = f"output {port.name!r} is of {port.kind}, but they are no labels that the model holds"
        raise UnsupportedError("EFN-M011", message, hint="give out numbers instead")
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
    ins = tuple(replace(p, layout=_layout(readers, p.tensor, "input", known_in)) for p in inputs)
    return ins, tuple(replace(p, layout=_layout(makers, p.tensor, "output", known_out)) for p in outputs)


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
