"""Variables: what a model keeps from one run to the next, and the operators that create, read and write it.

Resource variables go by name; CALL_ONCE names the subgraph that gives them their first values. Tensors that are marked
as variable are the other kind: an operator that has one, such as an LSTM, reads and writes it, and it begins with
zeros.
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from edgefn.graph.importers.tflite.file import TfliteSubgraph
from edgefn.graph.importers.tflite.scope import Call, Scope, Variable
from edgefn.graph.ir import NUMPY, RUNTIME, Shape, Tensor
from edgefn.graph.ops import Reshape

__all__ = [
    "assign_variable",
    "call_once",
    "find_assigned",
    "keep_variables",
    "read_variable",
    "state_of",
    "value_of",
    "var_handle",
    "variable_tensor",
]

type Nothing = tuple[()]


def var_handle(call: Call) -> Nothing:
    """A name for a variable; one that is never assigned stays what it was first."""
    if len(call.op.outputs) != 1:
        call.malformed(f"it has {len(call.op.outputs)} outputs, not 1")
    call.scope.handles[call.op.outputs[0]] = _key(call.option("container"), call.option("shared_name"))
    return ()


def call_once(call: Call) -> Nothing:
    """What a subgraph assigns, which must be constant."""
    index, subgraphs = call.option("init_subgraph_index"), call.scope.subgraphs
    if not 0 < index < len(subgraphs):
        call.malformed(f"it calls subgraph {index} of {len(subgraphs)}")
    once, outer = subgraphs[index], call.scope
    inner = replace(
        outer, tensors=once.tensors, names={}, handles={}, complexes={}, variables={}, depth=outer.depth + 1
    )
    for op in once.ops:
        inner.visit(inner, op)
    for key, variable in inner.variables.items():
        first = outer.tensor(variable.now).constant if variable.now else None
        if first is None or key in outer.variables:
            call.refuse(f"variable {key!r} does not begin with one constant")
        outer.variables[key] = Variable(key, first)
    return ()


def read_variable(call: Call) -> str:
    return value_of(call, _variable(call), call.output)


def value_of(call: Call, variable: Variable, like: Tensor) -> str:
    """What a variable is at this point of a run, with the type and the quantization of `like`."""
    if not variable.now:
        variable.now = _found(call, variable, like)
    t = call.scope.tensor(variable.now)
    if (t.dtype, t.shape) != (like.dtype, like.shape):
        call.malformed(f"variable {variable.name!r} is {t.dtype} {t.shape}, not {like.dtype} {like.shape}")
    return t.name if t.meaning == like.meaning else call.emit(Reshape(), (t.name,), like.shape, like)


def _found(call: Call, variable: Variable, like: Tensor) -> str:
    """What a run finds in a variable: a constant, when no run changes it."""
    first = variable.first
    if first is None:
        call.refuse(f"variable {variable.name!r} is read before it is assigned, and CALL_ONCE gives it no value")
    if RUNTIME[like.dtype] != like.dtype or first.dtype != NUMPY[like.dtype] or first.shape != like.shape:
        call.refuse(
            f"variable {variable.name!r} begins as {first.dtype} {first.shape} and is read as {like.dtype} {like.shape}"
        )
    if not call.scope.assigned & {variable.name, ""}:
        return call.scope.constant(variable.name, first, like.quantization)
    variable.read = call.scope.graph.add(Tensor(variable.name, like.dtype, like.shape, like.quantization))
    return variable.read


def assign_variable(call: Call) -> Nothing:
    variable, value = _variable(call), call.input(1)
    first = variable.first
    if first is not None and (first.dtype, first.shape) != (NUMPY[value.dtype], value.shape):
        call.refuse(
            f"variable {variable.name!r} changes from {first.dtype} {first.shape} to {value.dtype} {value.shape}"
        )
    variable.now = value.name
    return ()


def variable_tensor(call: Call, index: int) -> tuple[Variable, Tensor]:
    """The variable that an input is, and what it is like; it begins with zeros. i16 lies in pairs of i8."""
    if not call.has(index):
        call.malformed(f"input {index} is missing")
    number = call.op.inputs[index]
    t = call.scope.tensors[number]
    if call.scope.depth:
        call.refuse(f"the variable {t.name!r} inside a loop or a choice")
    if not t.is_variable:
        call.refuse(f"input {index}, {t.name!r}, is no variable")
    like = Tensor(t.name, "i8", (*t.shape, 2)) if t.dtype == "i16" else call.scope.declared(number)
    zero = like.quantization.scalar[1] if like.quantization else 0
    key = f"{t.name}#{number}"
    if key not in call.scope.variables:
        call.scope.graph.allowance.demand(like.shape)
        first = np.full(like.shape, zero, NUMPY[like.dtype])
        call.scope.graph.allowance.count(first)
        call.scope.assigned |= {key}
        call.scope.variables[key] = Variable(key, first)
    return call.scope.variables[key], like


def state_of(call: Call, index: int, shape: Shape) -> tuple[Variable, str]:
    """The variable that an input is, which has this shape, and its value before the first step."""
    variable, like = variable_tensor(call, index)
    if like.shape != shape:
        call.malformed(f"a state of shape {like.shape}, not {shape}")
    return variable, value_of(call, variable, like)


def find_assigned(subgraphs: Iterable[TfliteSubgraph]) -> frozenset[str]:
    """The names of the variables that subgraphs assign; among them "" where one assigns what it is given."""
    found: set[str] = set()
    for subgraph in subgraphs:
        handles = {
            op.outputs[0]: _key(op.options["container"], op.options["shared_name"])
            for op in subgraph.ops
            if op.op == "VAR_HANDLE" and len(op.outputs) == 1
        }
        found |= {handles.get(op.inputs[0], "") for op in subgraph.ops if op.op == "ASSIGN_VARIABLE" and op.inputs}
    return frozenset(found)


def keep_variables(scope: Scope) -> None:
    """Let what each variable is in the end be what the next run finds, where a run asks for it."""
    for variable in scope.variables.values():
        if variable.read and variable.first is not None and variable.now != variable.read:
            scope.keep(variable.read, variable.now, variable.first)


def _key(container: str, name: str) -> str:
    return f"{container}/{name}" if container else name


def _variable(call: Call) -> Variable:
    handle = call.op.inputs[0] if call.op.inputs else -1
    if handle not in call.scope.handles:
        call.malformed("it has no handle of a variable")
    key = call.scope.handles[handle]
    return call.scope.variables.setdefault(key, Variable(key))
