"""lookup: every byte by a table of 256."""

from dataclasses import dataclass

import numpy as np

from edgefn.graph.draft import Lowering, Packed, Step, constant_of
from edgefn.graph.ir import Node, Op
from edgefn.graph.opcode import opcode
from edgefn.graph.view import View

__all__ = ["CODES", "Lookup", "lower"]

ENTRIES = 256
_BYTES = ("i8", "u8")


@dataclass(frozen=True, slots=True)
class Lookup(Op):
    """Inputs x and its table, `[256]` of the output's dtype by what the bytes of x are as u8."""

    def before(self, perm: tuple[int, ...]) -> "Lookup":
        return self


def lower(low: Lowering, node: Node, _op: Lookup) -> Step:
    table = low.graph.tensors[node.inputs[1]]
    return low.unary(node, "lookup_i8", table=Packed(table.dtype, table.shape, constant_of(table).tobytes()))


def _check(v: View) -> None:
    x, y = v.tensor["x"].dtype, v.tensor["y"].dtype
    v.need(x in _BYTES and y in _BYTES, f"from {x} to {y}")
    v.equal_sizes()
    v.packed("table", y, ENTRIES)


CODES = (
    opcode(
        29,
        "lookup_i8",
        "*x *y *table",
        _check,
        lambda m, op: m.get(op, "table")[m.get(op, "x").view(np.uint8)],
        in_place="x",
    ),
)
