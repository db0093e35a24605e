"""reshape: the same bytes under another shape or quantization; an op, `copy`, only where they have to be moved."""

from dataclasses import dataclass

from edgefn.graph.draft import Lowering, Step
from edgefn.graph.ir import Node, Op
from edgefn.graph.opcode import opcode
from edgefn.graph.view import View

__all__ = ["CODES", "Reshape", "lower"]


@dataclass(frozen=True, slots=True)
class Reshape(Op):
    pass


def lower(low: Lowering, node: Node, _op: Reshape) -> Step | None:
    """Share the bytes, unless a source, a constant or a part would have to be a sink too."""
    draft, x, y = low.draft, low.draft.root(node.inputs[0]), node.output
    if y not in low.sinks:
        draft.alias[y] = node.inputs[0]
        return None
    if not low.whole(node.inputs[0]) or x in low.sources | low.sinks or low.graph.tensors[x].constant is not None:
        return low.unary(node, "copy")
    draft.alias[x] = y
    return None


def _check(v: View) -> None:
    x, y = v.tensor["x"], v.tensor["y"]
    v.need(x.dtype == y.dtype and x.nbytes == y.nbytes, "x and y differ in dtype or bytes")
    v.whole("x")


CODES = (opcode(22, "copy", "*x *y", _check, lambda m, op: m.get(op, "x"), in_place="x"),)
