"""What becomes of an integer whatever lies beside it is looked up: dequantize, functions, quantize are one table."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.ir import Graph, Node, Tensor
from edgefn.graph.ops import Add, Binary, Clamp, Dequantize, Lookup, Quantize, Unary
from edgefn.graph.passes.walk import Walk, rewrite

__all__ = ["BYTES", "look_up"]

type Array = NDArray[Any]
type Values = dict[str, Array]

_FUNCTIONS = (Add, Binary, Unary)
_STEPS = (*_FUNCTIONS, Clamp, Dequantize, Lookup, Quantize)
MAX_STEPS = 32  # of one table: a Gelu, taken apart and quantized in between, has fifteen
BYTES = np.arange(256, dtype=np.uint8).view(np.int8)


def look_up(graph: Graph) -> bool:
    """Replace functions of one tensor of i8, and of constants of one element, that end in a quantize.

    TFLite computes what lies between its DEQUANTIZE and QUANTIZE in floats, so that fixed graphs stay as they are.
    """
    return graph.rounding == "float" and rewrite(graph, _visit)


def _visit(walk: Walk, node: Node) -> None:
    found = _Search(walk, node) if isinstance(node.op, Quantize) else None
    if not found or not found.worthwhile or not walk.graph.allowance.look(len(BYTES) * len(found.steps)):
        walk.keep(node)
        return
    (source,) = found.sources
    values: Values = {source: BYTES}
    for step in (*found.steps, node):
        values[step.output] = _value(walk.graph, step, values)
    table = walk.graph.add(Tensor(f"{node.name}.table", "i8", BYTES.shape, constant=values[node.output]))
    walk.emit(node.name, Lookup(), (source, table), node.output)


class _Search:
    """The steps that lead to a node, in their order, and the tensors of i8 that they begin with."""

    def __init__(self, walk: Walk, node: Node) -> None:
        self.steps: list[Node] = []
        self.sources: set[str] = set()
        self._walk = walk
        self._seen: set[str] = set()
        self._shape = walk.graph.tensors[node.output].shape
        self.worthwhile = all(map(self._follow, node.inputs)) and self._is_more_than_a_step()

    def _is_more_than_a_step(self) -> bool:
        """Whether functions are among the steps: what only quantizes or clamps is fused with the layer above."""
        return len(self.sources) == 1 and any(isinstance(s.op, _FUNCTIONS) for s in self.steps)

    def _follow(self, name: str) -> bool:
        """Go up from a tensor to where the integers come from; whether that is possible."""
        t, maker = self._walk.graph.tensors[name], self._walk.makers.get(name)
        if name in self._seen or t.constant is not None:
            return t.constant is None or t.size == 1
        self._seen.add(name)
        if t.dtype == "i8" and not (maker and isinstance(maker.op, Lookup)):
            self.sources.add(name)
            return t.shape == self._shape and t.quantization is not None and t.quantization.per_tensor
        if maker is None or not isinstance(maker.op, _STEPS) or len(self._seen) > MAX_STEPS:
            return False
        read = maker.inputs[:1] if isinstance(maker.op, Lookup) else maker.inputs
        fits = t.shape == self._shape or t.size == 1
        if t.dtype not in {"f32", "i8"} or not fits or not all(map(self._follow, read)):
            return False
        self.steps.append(maker)
        return True


def _value(graph: Graph, node: Node, known: Values) -> Array:
    """What a step makes of every byte."""
    tensors = graph.of(node.inputs)
    values = [known[t.name] if t.constant is None else t.constant.reshape(-1) for t in tensors]
    match node.op:
        case Binary() as op:
            return op.of(*values)
        case Unary() as op:
            return op.of(values[0])
        case Lookup():
            table, places = values[1], values[0].view(np.uint8)
            return np.asarray(table[places])
        case Dequantize():
            return tensors[0].quantized.real(values[0])
        case Quantize():
            return graph.tensors[node.output].quantized.integers(values[0], "i8")
        case Add(bounds) | Clamp(bounds):
            total = values[0] + values[1] if isinstance(node.op, Add) else values[0]
            return np.asarray(np.clip(total, np.float32(bounds.low), np.float32(bounds.high)))
    raise AssertionError(node.op)  # _STEPS has no others
