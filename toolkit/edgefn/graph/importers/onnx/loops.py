"""Loop and Scan: their bodies one behind the other, as often as is known at import that they run."""

from collections.abc import Iterator, Sequence

import numpy as np

from edgefn.graph.importers.onnx.control import inline
from edgefn.graph.importers.onnx.file import OnnxGraph, every_node
from edgefn.graph.importers.onnx.movement import joined
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.importers.spans import Span, sliced
from edgefn.graph.ir import Tensor

__all__ = ["loop", "scan"]

type Names = tuple[str, ...]

EFFORT = 4096  # of importing a node, in elements that are looked at


def loop(call: Call) -> Names:
    """What is carried, as the last step leaves it, and what every step gives besides, one step behind the other."""
    body, carried = _body(call), tuple(call.known(i) for i in range(2, len(call.node.inputs)))
    count = call.whole(0) if call.has(0) else None
    going, steps = not call.has(1) or bool(call.single(1)), 0
    if len(body.inputs) != 2 + len(carried) or len(body.outputs) < 1 + len(carried):
        call.malformed(f"a body of {len(body.inputs)} inputs and {len(body.outputs)} outputs carries {len(carried)}")
    given: list[Names] = []
    while going and (count is None or steps < count):
        _afford(call, body)
        number = call.scope.constant(f"{call.label}.step", np.array(steps, np.int64))
        again, *results = inline(call, body, (number, _true(call), *carried))
        carried = tuple(results[: len(carried)])
        given.append(tuple(results[len(carried) :]))
        going, steps = _known(call, again), steps + 1
    return (*carried, *_stacked(call, given, [0] * (len(body.outputs) - 1 - len(carried))))


def scan(call: Call) -> Names:
    """As Loop, over the elements of the last inputs along an axis of each."""
    if call.opset < 9:
        call.refuse("batches, which it had before opset 9")
    body, parts = _body(call), call.count("num_scan_inputs")
    states = tuple(call.known(i) for i in range(len(call.node.inputs) - parts))
    more = len(body.outputs) - len(states)
    if len(body.inputs) != len(call.node.inputs) or len(states) + parts != len(body.inputs) or more < 0:
        call.malformed(f"a body of {len(body.inputs)} inputs and {len(body.outputs)} outputs scans {parts} inputs")
    scanned = [call.value(len(states) + i) for i in range(parts)]
    axes = [
        call.axis(a, len(x.shape)) for a, x in zip(call.ints("scan_input_axes", (0,) * parts), scanned, strict=True)
    ]
    lengths = {x.shape[axis] for x, axis in zip(scanned, axes, strict=True)}
    if len(lengths) != 1:
        call.malformed(f"it scans inputs of {sorted(lengths)} elements")
    backwards = call.ints("scan_input_directions", (0,) * parts)
    given: list[Names] = []
    for rows in zip(*map(_elements, [call] * parts, scanned, axes, backwards), strict=True):
        _afford(call, body)
        results = inline(call, body, (*states, *rows))
        states = results[: len(states)]
        given.append(results[len(states) :])
    reverse = call.ints("scan_output_directions", (0,) * more)
    ordered = [
        tuple(reversed(rows)) if back else rows for rows, back in zip(zip(*given, strict=True), reverse, strict=True)
    ]
    axes = list(call.ints("scan_output_axes", (0,) * more))
    return (*states, *_stacked(call, list(zip(*ordered, strict=True)), axes))


def _body(call: Call) -> OnnxGraph:
    body = call.node.attributes.get("body")
    if not isinstance(body, OnnxGraph):
        call.malformed("it has no body")
    return body


def _afford(call: Call, body: OnnxGraph) -> None:
    """Refuse a loop that would take long to import: every step looks at the constants it reads once again."""
    scope, effort = call.scope, EFFORT
    for node in every_node(body.nodes):
        sizes = [scope.graph.tensors[t].size for t in map(scope.names.get, node.inputs) if t in scope.graph.tensors]
        effort += EFFORT + sum(sizes)
    if not scope.graph.allowance.look(effort):
        call.refuse("its steps are too many")


def _true(call: Call) -> str:
    return call.scope.constant(f"{call.label}.going", np.array(True))


def _known(call: Call, name: str) -> bool:
    """Whether another step follows."""
    value = call.scope.tensor(name).constant if name not in call.scope.sequences else None
    if value is None or value.size != 1:
        call.refuse("a condition that is computed at run time; how often it runs must be known at import")
    return bool(value.reshape(()))


def _elements(call: Call, x: Tensor, axis: int, backwards: int) -> Iterator[str]:
    """What lies along an axis, one after the other."""
    shape = (*x.shape[:axis], *x.shape[axis + 1 :])
    for i in reversed(range(x.shape[axis])) if backwards else range(x.shape[axis]):
        if x.constant is not None:
            yield call.scope.constant(x.name, x.constant.take(i, axis))
        else:
            spans = [Span(i, 1, 1) if a == axis else Span(0, 1, n) for a, n in enumerate(x.shape)]
            yield call.reshape(sliced(call, x, spans), shape)


def _stacked(call: Call, steps: Sequence[Names], axes: Sequence[int]) -> Names:
    """What the steps give, each tensor along a new axis."""
    if axes and not steps:
        call.refuse("no steps, which give tensors without elements")
    return tuple(_stack(call, rows, axis) for rows, axis in zip(zip(*steps, strict=True), axes, strict=True))


def _stack(call: Call, rows: Names, axis: int) -> str:
    parts = [call.scope.running(row) for row in rows]
    if any((p.shape, p.dtype) != (parts[0].shape, parts[0].dtype) for p in parts):
        call.refuse(f"steps that give {parts[0].dtype} {parts[0].shape} and others")
    axis = call.axis(axis, len(parts[0].shape) + 1)
    shape = (*parts[0].shape[:axis], 1, *parts[0].shape[axis:])
    return joined(call, axis, [call.scope.tensor(call.reshape(p.name, shape)) for p in parts])
