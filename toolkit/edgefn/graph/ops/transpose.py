"""transpose: `output.shape[i] = input.shape[perm[i]]`."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step
from edgefn.graph.ir import Node, Op
from edgefn.graph.opcode import opcode
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine
from edgefn.graph.view import View

__all__ = ["CODES", "Transpose", "lower"]

MAX_RANK = 6
_WORDS = tuple(f"p{i}" for i in range(MAX_RANK))


@dataclass(frozen=True, slots=True)
class Transpose(Op):
    perm: tuple[int, ...]


def lower(low: Lowering, node: Node, op: Transpose) -> Step:
    padded = (*op.perm, *[0] * (MAX_RANK - len(op.perm)))
    return low.unary(node, "transpose", **dict(zip(_WORDS, padded, strict=True)))


def _check(v: View) -> None:
    x, y = v.tensor["x"], v.tensor["y"]
    rank = len(x.dims)
    perm = [v.op[word] for word in _WORDS]
    v.need(x.dtype == y.dtype, "x and y differ in dtype")
    v.need(sorted(perm[:rank]) == list(range(rank)) and not any(perm[rank:]), f"{perm} is no permutation of {rank}")
    v.need(y.dims == tuple(x.dims[p] for p in perm[:rank]), f"y {y.dims} is not x {x.dims} permuted by {perm[:rank]}")
    v.whole("x")


def _value(m: Machine, op: PlanOp) -> NDArray[Any]:
    x = m.get(op, "x")
    return x.transpose([op[word] for word in _WORDS[: x.ndim]])


CODES = (opcode(20, "transpose", f"*x *y {' '.join(_WORDS)}", _check, _value),)
