"""The walk over a TFLite model's operators."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from edgefn.errors import UnsupportedError
from edgefn.graph.allowance import Allowance
from edgefn.graph.importers.bounds import MAX_EMITTED, bound
from edgefn.graph.importers.dims import resolve_dims
from edgefn.graph.importers.source import SourcePort
from edgefn.graph.importers.surprise import surprises
from edgefn.graph.importers.tflite.control import reachable
from edgefn.graph.importers.tflite.file import TfliteModel, TfliteSubgraph, TfliteTensor
from edgefn.graph.importers.tflite.fourier import MOVING, moved_apart
from edgefn.graph.importers.tflite.op import TfliteOp
from edgefn.graph.importers.tflite.registry import HANDLERS, supported_ops
from edgefn.graph.importers.tflite.scope import Call, Scope
from edgefn.graph.importers.tflite.variables import find_assigned, keep_variables
from edgefn.graph.ir import RUNTIME, Graph, Port, Quantization, Shape, Tensor
from edgefn.graph.ops import FlipSign

__all__ = ["import_tflite", "port_of", "unsupported_ops"]

BATCH = "batch"


def import_tflite(model: TfliteModel, sizes: Mapping[str, int]) -> Graph:
    """Return the graph of a model's main subgraph. Errors are those that `Source.to_graph` names."""
    main = model.subgraphs[0]
    given = [port_of(main.tensors[i]) for i in main.inputs]
    shapes = resolve_dims(given, _written(main, given) | dict(sizes))
    scope = Scope(
        Graph(main.name, rounding="fixed", allowance=Allowance(model.file_bytes)),
        subgraphs=model.subgraphs,
        tensors=main.tensors,
        assigned=find_assigned(reachable(model.subgraphs)),
        unsigned=_is_unsigned(model),
        visit=_import,
    )
    called = {
        index: name for s in model.signatures if s.subgraph == 0 for name, index in (s.inputs | s.outputs).items()
    }
    inputs = tuple(_input(scope, index, shape) for index, shape in zip(main.inputs, shapes, strict=True))
    for op in main.ops:
        _import(scope, op)
    keep_variables(scope)
    outputs = scope.outputs(inputs, [(main.tensors[i].name, _output(scope, i)) for i in main.outputs])
    ports = zip((*main.inputs, *main.outputs), (*inputs, *outputs), strict=True)
    named = tuple(_named(scope, p, index, called.get(index, p.name)) for index, p in ports)
    scope.graph.inputs, scope.graph.outputs = named[: len(inputs)], named[len(inputs) :]
    return scope.graph


def unsupported_ops(model: TfliteModel) -> tuple[str, ...]:
    """One line for every operator that is not supported at all, those of loops and choices too."""
    return tuple(
        _unsupported(op, subgraph.tensors[op.outputs[0]].name if op.outputs else "")
        for subgraph in reachable(model.subgraphs)
        for op in subgraph.ops
        if op.op not in HANDLERS
    )


def _unsupported(op: TfliteOp, label: str) -> str:
    return f"op {op.op} (operator {label!r})"


def port_of(t: TfliteTensor) -> SourcePort:
    """An input or output of a model, with the dimensions that it leaves open."""
    signature = t.shape_signature or t.shape
    shape = (
        d if s >= 0 else "?" if axis else BATCH for axis, (d, s) in enumerate(zip(t.shape, signature, strict=True))
    )
    return SourcePort(t.name, t.dtype, tuple(shape))


def _written(main: TfliteSubgraph, ports: list[SourcePort]) -> dict[str, int]:
    """The sizes that the file itself has for dimensions that it leaves open, but for the batch."""
    shapes = (main.tensors[i].shape for i in main.inputs)
    return {
        f"{port.name}.{axis}": size
        for port, shape in zip(ports, shapes, strict=True)
        for axis, size in enumerate(shape)
        if port.shape[axis] == "?" and size > 0
    }


def _is_unsigned(model: TfliteModel) -> bool:
    """Whether it computes in u8, as models of 2018 do; later ones have u8 at their ends only, next to i8."""
    return any(_of_u8(subgraph, op) for subgraph in reachable(model.subgraphs) for op in subgraph.ops)


def _of_u8(subgraph: TfliteSubgraph, op: TfliteOp) -> bool:
    ports = [subgraph.tensors[i] for i in (*op.inputs[:1], *op.outputs[:1]) if i >= 0]
    kinds = {t.dtype for t in ports if t.quantization is not None}
    return "u8" in kinds and op.op != "SHAPE" and not (op.op == "QUANTIZE" and "i8" in kinds)


def _input(scope: Scope, index: int, shape: Shape) -> Port:
    t = scope.declared(index)
    if scope.tensors[index].dtype == "c64":
        raise UnsupportedError("EFN-M011", f"input {t.name!r} is complex", hint="give it floats")
    if t.quantization is None or scope.tensors[index].dtype == t.dtype:
        port = scope.input(replace(t, dtype=RUNTIME[t.dtype], shape=shape))
        scope.names[index] = port.tensor
        return port
    port = scope.input(_as_u8(t, t.quantization, shape))
    scope.names[index] = scope.emit(t.name, FlipSign(), (port.tensor,), replace(t, shape=shape))
    return port


def _as_u8(t: Tensor, q: Quantization, shape: Shape) -> Tensor:
    """What i8 of a model that computes in u8 are there."""
    return Tensor(t.name, "u8", shape, replace(q, zero_point=q.zero_point + 128))


def _output(scope: Scope, index: int) -> str:
    t, q = Call(scope, _reading(index)).input(0), scope.declared(index).quantization
    if (scope.tensors[index].dtype, t.dtype) != ("u8", "i8") or q is None:
        return t.name
    return scope.emit(t.name, FlipSign(), (scope.running(t.name).name,), _as_u8(t, q, t.shape))


def _named(scope: Scope, port: Port, index: int, name: str) -> Port:
    images, dtype = len(scope.tensor(port.tensor).shape) == 4, scope.declared(index).dtype
    return Port(name, port.tensor, "NHWC" if images else None, None if dtype == RUNTIME[dtype] else dtype)


def _reading(index: int) -> TfliteOp:
    """What reads an output, so that a missing one is told as for any operator."""
    return TfliteOp("output", 1, (index,), (index,), (), {})


def _import(scope: Scope, op: TfliteOp) -> None:
    call = Call(scope, op)
    scope.visits[op.op] += 1
    visits = scope.visits.total()
    bound(
        visits <= MAX_EMITTED, f"with {call.label!r} the model runs {visits:,} operators, at most {MAX_EMITTED:,} are"
    )
    if op.op not in HANDLERS:
        known = ", ".join(one.name for one in supported_ops())
        message = f"{_unsupported(op, call.label)} is not supported. Supported are {known}"
        raise UnsupportedError("EFN-M010", message, hint="replace the op, or keep that part of the model outside")
    if len(set(op.outputs)) < len(op.outputs) or any(
        i < 0 or i in scope.names or i in scope.complexes for i in op.outputs
    ):
        call.malformed("it does not have outputs of its own")
    with surprises(op.op, call.label), np.errstate(all="ignore"):  # the model's numbers may be anything
        handler = HANDLERS[op.op][0]
        complex_ = op.op in MOVING and op.inputs[:1] and op.inputs[0] in scope.complexes
        made = moved_apart(call, handler) if complex_ else handler(call)
    _bind(call, made)


def _bind(call: Call, made: str | tuple[str, ...]) -> None:
    """Give the operator's outputs, but for handles of variables, what its handler made."""
    scope, made = call.scope, (made,) if isinstance(made, str) else made
    wanted = [index for index in call.op.outputs if index not in scope.handles and index not in scope.complexes]
    if len(wanted) != len(made):
        call.malformed(f"it has {len(wanted)} outputs, not {len(made)}")
    for index, name in zip(wanted, made, strict=True):
        if scope.tensors[index].dtype == "c64":
            call.refuse("complex numbers of another operator than RFFT2D")
        said, shape = scope.declared(index).shape, scope.tensor(name).shape
        if shape != said and scope.tensors[index].shape_signature is None:
            call.malformed(f"it computes {shape}, the file says {said}")
        scope.names[index] = name
