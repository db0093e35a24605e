"""WHILE and IF. A loop becomes its rounds, one after another, where the model itself says how many there are.

Of a choice that is known only the side taken is imported; else both, and what only one needs is left out of a run that
takes the other (edgefn.graph.choice).
"""

from collections.abc import Iterable
from dataclasses import replace

from edgefn.graph.importers.bounds import MAX_EMITTED, bound
from edgefn.graph.importers.tflite.file import TfliteSubgraph
from edgefn.graph.importers.tflite.op import TfliteOp
from edgefn.graph.importers.tflite.scope import Call, Scope
from edgefn.graph.ir import Tensor
from edgefn.graph.ops import Select

__all__ = ["if_", "reachable", "while_"]

type Names = tuple[str, ...]

MAX_DEPTH = 8
_CALLED = {
    "IF": ("then_subgraph_index", "else_subgraph_index"),
    "WHILE": ("cond_subgraph_index", "body_subgraph_index"),
}


def reachable(subgraphs: tuple[TfliteSubgraph, ...], first: int = 0) -> Iterable[TfliteSubgraph]:
    """A subgraph, and those that its loops and choices run."""
    found, left = {first}, [first]
    while left:
        subgraph = subgraphs[left.pop()]
        yield subgraph
        for op in subgraph.ops:
            called = {op.options[name] for name in _CALLED.get(op.op, ())} - found
            left += [index for index in called if 0 <= index < len(subgraphs)]
            found |= called


def while_(call: Call) -> Names:
    """Rounds as long as the condition holds, which depends on constants only."""
    values = tuple(_given(call, i) for i in range(len(call.op.inputs)))
    condition, body = (_subgraph(call, name, len(values)) for name in _CALLED["WHILE"])
    while _holds(call, condition, values):
        values = _run(call, body, values)
        if len(values) != len(call.op.inputs):
            call.malformed(f"its body gives {len(values)} values of {len(call.op.inputs)}")
    handles = [i for i in call.op.outputs if call.scope.tensors[i].dtype == "resource"]
    named = dict(zip(call.op.outputs, values, strict=True))
    call.scope.handles |= {i: named[i] for i in handles}
    return tuple(name for i, name in named.items() if i not in handles)


def _holds(call: Call, condition: TfliteSubgraph, values: Names) -> bool:
    found = _run(call, condition, values)
    value = call.scope.tensor(found[0]).constant if len(found) == 1 else None
    if value is None:
        call.refuse("only a run knows how many rounds it makes")
    if value.size != 1:
        call.malformed(f"a condition of {value.shape}")
    return bool(value.reshape(()))


def if_(call: Call) -> Names:
    """Outputs of both sides must have one type and shape, where only a run knows which is taken."""
    condition, values = call.value(0), tuple(_given(call, i) for i in range(1, len(call.op.inputs)))
    yes, no = (_subgraph(call, name, len(values)) for name in _CALLED["IF"])
    if condition.dtype != "u8" or condition.size != 1:
        call.malformed(f"a condition of {condition.dtype} {condition.shape}")
    if condition.constant is not None:
        return _run(call, yes if bool(condition.constant.reshape(())) else no, values)
    for name in _CALLED["IF"]:
        if any(op.op == "ASSIGN_VARIABLE" for s in reachable(call.scope.subgraphs, call.option(name)) for op in s.ops):
            call.refuse("one of its sides assigns a variable")
    scalar = call.reshape(condition.name, ())
    sides = [_run(call, side, values) for side in (yes, no)]
    if len(sides[0]) != len(sides[1]):
        call.malformed(f"its sides give {len(sides[0])} and {len(sides[1])} values")
    return tuple(_either(call, scalar, a, b) for a, b in zip(*sides, strict=True))


def _either(call: Call, condition: str, yes: str, no: str) -> str:
    """One tensor or the other."""
    a, b = (call.scope.running(name) for name in (yes, no))
    if a.name == b.name:
        return a.name
    if (a.dtype, a.shape, a.meaning) != (b.dtype, b.shape, b.meaning):
        call.refuse(f"its sides give {a.dtype} {a.shape} and {b.dtype} {b.shape}, or differ in scale")
    return call.emit(Select(), (condition, a.name, b.name), a.shape, Tensor(a.name, a.dtype, a.shape, a.quantization))


def _subgraph(call: Call, name: str, inputs: int) -> TfliteSubgraph:
    index, count = call.option(name), len(call.scope.subgraphs)
    if not 0 < index < count:
        call.malformed(f"its {name} is {index} of {count}")
    subgraph: TfliteSubgraph = call.scope.subgraphs[index]
    if len(subgraph.inputs) != inputs:
        call.malformed(f"subgraph {index} takes {len(subgraph.inputs)} values and is given {inputs}")
    return subgraph


def _given(call: Call, index: int) -> str:
    """An input's name in the graph, or that of a variable."""
    number = call.op.inputs[index]
    return call.scope.handles[number] if number in call.scope.handles else call.input(index).name


def _run(call: Call, subgraph: TfliteSubgraph, values: Names) -> Names:
    """What a subgraph gives for values; its tensors mean nothing outside, but for constants, which are kept."""
    outer = call.scope
    outer.visits[call.op.op] += 1 + len(subgraph.outputs)  # a round that has no operators is one all the same
    visits = outer.visits.total()
    bound(
        visits <= MAX_EMITTED, f"with {call.label!r} the model runs {visits:,} operators, at most {MAX_EMITTED:,} are"
    )
    bound(outer.depth < MAX_DEPTH, f"{call.op.op} operator {call.label!r} is the {MAX_DEPTH}th inside another")
    kept = outer.constants.setdefault(id(subgraph), {})
    inner = replace(outer, tensors=subgraph.tensors, names=dict(kept), handles={}, complexes={}, depth=outer.depth + 1)
    for index, value in zip(subgraph.inputs, values, strict=True):
        (inner.handles if subgraph.tensors[index].dtype == "resource" else inner.names)[index] = value
    for op in subgraph.ops:
        inner.visit(inner, op)
    found = tuple(_result(inner, index) for index in subgraph.outputs)
    kept |= {i: name for i, name in inner.names.items() if subgraph.tensors[i].constant is not None}
    return found


def _result(scope: Scope, index: int) -> str:
    return _given(Call(scope, TfliteOp("output", 1, (index,), (index,), (), {})), 0)
