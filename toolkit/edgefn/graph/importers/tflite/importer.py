"""The walk over a TFLite model's operators."""

from collections.abc import Mapping

from edgefn.errors import UnsupportedError
from edgefn.graph.allowance import Allowance
from edgefn.graph.importers.dims import resolve_dims
from edgefn.graph.importers.source import SourcePort
from edgefn.graph.importers.surprise import surprises
from edgefn.graph.importers.tflite.file import TfliteModel
from edgefn.graph.importers.tflite.op import TfliteOp
from edgefn.graph.importers.tflite.registry import HANDLERS, supported_ops
from edgefn.graph.importers.tflite.scope import Call, Scope
from edgefn.graph.importers.tflite.variables import find_assigned, keep_variables
from edgefn.graph.ir import Graph, Port

__all__ = ["import_tflite", "unsupported_ops"]


def import_tflite(model: TfliteModel, sizes: Mapping[str, int]) -> Graph:
    """Return the graph of a model's main subgraph. Errors are those that `Source.to_graph` names."""
    main = model.subgraphs[0]
    resolve_dims([SourcePort(main.tensors[i].name, "", main.tensors[i].shape) for i in main.inputs], sizes)
    scope = Scope(
        Graph(main.name, rounding="fixed", allowance=Allowance(model.file_bytes)),
        subgraphs=model.subgraphs,
        tensors=main.tensors,
        assigned=find_assigned(main),
    )
    called = {
        index: name for s in model.signatures if s.subgraph == 0 for name, index in (s.inputs | s.outputs).items()
    }
    inputs = tuple(_input(scope, index) for index in main.inputs)
    for op in main.ops:
        _import(scope, op)
    keep_variables(scope)
    outputs = scope.outputs(
        inputs, [(main.tensors[i].name, Call(scope, _reading(i)).input(0).name) for i in main.outputs]
    )
    ports = zip((*main.inputs, *main.outputs), (*inputs, *outputs), strict=True)
    named = tuple(_named(scope, p, called.get(index, p.name)) for index, p in ports)
    scope.graph.inputs, scope.graph.outputs = named[: len(inputs)], named[len(inputs) :]
    return scope.graph


def unsupported_ops(model: TfliteModel) -> tuple[str, ...]:
    """One line for every operator that is not supported at all."""
    main = model.subgraphs[0]
    return tuple(_unsupported(op, main.tensors[op.outputs[0]].name if op.outputs else "") for op in _unknown(model))


def _unknown(model: TfliteModel) -> list[TfliteOp]:
    return [op for op in model.subgraphs[0].ops if op.op not in HANDLERS]


def _unsupported(op: TfliteOp, label: str) -> str:
    return f"op {op.op} (operator {label!r})"


def _input(scope: Scope, index: int) -> Port:
    port = scope.input(scope.declared(index))
    scope.names[index] = port.tensor
    return port


def _named(scope: Scope, port: Port, name: str) -> Port:
    images = len(scope.tensor(port.tensor).shape) == 4
    return Port(name, port.tensor, "NHWC" if images else None)


def _reading(index: int) -> TfliteOp:
    """What reads an output, so that a missing one is told as for any operator."""
    return TfliteOp("output", 1, (index,), (index,), (), {})


def _import(scope: Scope, op: TfliteOp) -> None:
    call = Call(scope, op)
    if op.op not in HANDLERS:
        known = ", ".join(one.name for one in supported_ops())
        message = f"{_unsupported(op, call.label)} is not supported. Supported are {known}"
        raise UnsupportedError("EFN-M010", message, hint="replace the op, or keep that part of the model outside")
    if len(set(op.outputs)) < len(op.outputs) or any(i < 0 or i in scope.names for i in op.outputs):
        call.malformed("it does not have outputs of its own")
    with surprises(op.op, call.label):
        made = HANDLERS[op.op][0](call)
    _bind(call, made)


def _bind(call: Call, made: str | tuple[str, ...]) -> None:
    """Give the operator's outputs, but for handles of variables, what its handler made."""
    scope, made = call.scope, (made,) if isinstance(made, str) else made
    wanted = [index for index in call.op.outputs if index not in scope.handles]
    if len(wanted) != len(made):
        call.malformed(f"it has {len(wanted)} outputs, not {len(made)}")
    for index, name in zip(wanted, made, strict=True):
        said, shape = scope.declared(index).shape, scope.tensor(name).shape
        if shape != said:
            call.malformed(f"it computes {shape}, the file says {said}")
        scope.names[index] = name
