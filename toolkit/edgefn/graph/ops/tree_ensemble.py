"""tree_ensemble: decision trees in one table; `[..., F]` to `[..., targets]`."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step
from edgefn.graph.ir import Node, Op
from edgefn.graph.opcode import opcode
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine
from edgefn.graph.view import View

__all__ = ["AGGREGATES", "CODES", "LAST", "Aggregate", "TreeEnsemble", "lower"]

type Array = NDArray[Any]
type Aggregate = Literal["sum", "least", "greatest"]

AGGREGATES: tuple[Aggregate, ...] = ("sum", "least", "greatest")
LAST = 1 << 31  # in the target of the entry that ends a leaf


@dataclass(frozen=True, slots=True)
class TreeEnsemble(Op):
    """Inputs x, roots `[trees]`, nodes `[n, 2]`, leaves `[entries, 2]` and base `[targets, 2]`: as in a plan, all i32.

    `bits` of a node's word say its feature, the rest its step. The aggregate is divided by `divisor`.
    """

    bits: int
    aggregate: Aggregate = "sum"
    divisor: int = 1


def lower(low: Lowering, node: Node, op: TreeEnsemble) -> Step:
    x, y = low.source(node.inputs[0]), low.graph.tensors[node.output]
    tables = dict(zip(("roots", "nodes", "leaves", "base"), map(low.source, node.inputs[1:]), strict=True))
    words = {"bits": op.bits, "aggregate": AGGREGATES.index(op.aggregate), "divisor": op.divisor}
    return Step("tree_ensemble", node, {"x": x, **tables, "y": y.name, **words}, scratch=y.shape[-1] * 8)


def _features(nodes: Array, bits: int) -> Array:
    return (nodes[:, 1] & ((1 << bits) - 1)) >> 1


def _check(v: View) -> None:
    v.dtypes(x="f32", y="f32")
    v.whole("x", "roots", "nodes", "leaves")
    x, y = v.tensor["x"].dims or (1,), v.tensor["y"].dims or (1,)
    v.need(v.tensor["x"].size // x[-1] == v.tensor["y"].size // y[-1], "x and y differ in rows")
    bits = v.op["bits"]
    v.need(1 <= bits <= 31 and v.op["aggregate"] < len(AGGREGATES) and v.op["divisor"] > 0, "a parameter out of range")
    v.packed("base", "i32", y[-1] * 8)
    for name, width in (("roots", 1), ("nodes", 2), ("leaves", 2)):
        v.packed(name, "i32", v.tensor[name].nbytes // (4 * width) * (4 * width))
    roots, nodes, leaves = (v.numbers(name, "<u4") for name in ("roots", "nodes", "leaves"))
    _check_tables(v, roots, nodes.reshape(-1, 2), leaves.reshape(-1, 2), features=x[-1], targets=y[-1])
    v.scratch(y[-1] * 8)


def _check_tables(v: View, roots: Array, nodes: Array, leaves: Array, *, features: int, targets: int) -> None:
    v.need(bool(roots.max() < len(nodes)), "a root is no node")
    v.need(bool((leaves[:, 0] & (LAST - 1)).max() < targets), "a leaf names a target that y does not have")
    v.need(bool(leaves[-1, 0] & LAST), "the last leaf does not end")
    leaf, step = nodes[:, 1] == 0, nodes[:, 1].astype(np.int64) >> v.op["bits"]
    v.need(bool(np.all(nodes[leaf, 0] < len(leaves))), "a leaf has no first entry")
    v.need(bool(np.all(step[~leaf] > 0)), "a node leads nowhere")
    v.need(bool(np.all((np.arange(len(nodes)) + step + 1)[~leaf] < len(nodes))), "a node leads out of the table")
    v.need(bool(np.all(_features(nodes[~leaf], v.op["bits"]) < features)), "a node asks for a feature that x lacks")


def _scratch(m: Machine, op: PlanOp) -> int:
    return m.tensor(op, "y").dims[-1] * 8


def _value(m: Machine, op: PlanOp) -> Array:
    y = m.tensor(op, "y")
    x = m.get(op, "x").reshape(y.size // y.dims[-1], -1)
    leaves = m.get(op, "leaves").view(np.uint32)
    base = m.raw(m.tensor(op, "base")).view("<f8")
    sums = np.full((len(x), y.dims[-1]), np.nan if op["aggregate"] else 0.0)
    weights = leaves[:, 1].view(np.float32).astype(np.float64)
    for root in m.get(op, "roots"):
        entry = _leaves(m.get(op, "nodes").view(np.uint32), x, int(root), op["bits"])
        rows = np.arange(len(x))
        while len(rows):
            target = (leaves[entry, 0] & (LAST - 1)).astype(np.int64)
            sums[rows, target] = _aggregated(AGGREGATES[op["aggregate"]], sums[rows, target], weights[entry])
            more = leaves[entry, 0] < LAST
            rows, entry = rows[more], entry[more] + 1
    if op["aggregate"]:
        sums = np.where(np.isnan(sums), 0, sums)
    return np.asarray((sums / op["divisor"] + base).astype(np.float32))


def _leaves(nodes: Array, x: Array, root: int, bits: int) -> Array:
    """The first entry of the leaf that each row of `x` ends in."""
    at, rows = np.full(len(x), root, np.int64), np.arange(len(x))
    thresholds, features = nodes[:, 0].view(np.float32), _features(nodes, bits)
    step = nodes[:, 1].astype(np.int64) >> bits
    while np.any(step[at]):
        value = x[rows, features[at]]
        left = (value <= thresholds[at]) | (np.isnan(value) & (nodes[at, 1] & 1 == 1))
        at = np.where(step[at] > 0, at + step[at] + ~left, at)
    return np.asarray(nodes[at, 0], np.int64)


def _aggregated(aggregate: Aggregate, sums: Array, weights: Array) -> Array:
    if aggregate == "sum":
        return np.asarray(sums + weights)
    better = sums <= weights if aggregate == "least" else sums >= weights
    return np.asarray(np.where(better, sums, weights))


CODES = (
    opcode(
        45,
        "tree_ensemble",
        "*x *roots *nodes *leaves *base *y bits aggregate divisor @scratch",
        _check,
        _value,
        scratch=_scratch,
    ),
)
