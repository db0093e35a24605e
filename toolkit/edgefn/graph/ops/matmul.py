"""matmul: `[..., M, K]` by `[..., K, N]`, both computed at run time, each read by its own strides."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step
from edgefn.graph.ir import Node, Op, Shape
from edgefn.graph.opcode import opcode
from edgefn.graph.ops.matrix import panel_rows
from edgefn.graph.ops.pack import round_up
from edgefn.graph.records import PlanOp, PlanTensor
from edgefn.graph.reference import Machine
from edgefn.graph.view import View

__all__ = ["CODES", "MatMul", "Strides", "lower"]

type Array = NDArray[Any]

BATCH_AXES = 4
MOST = 1 << 30


@dataclass(frozen=True, slots=True)
class Strides:
    """Where the matrices of an operand lie in it, in elements; `batch` has a stride for every batch axis."""

    batch: tuple[int, ...]
    row: int
    column: int
    first: int = 0

    @classmethod
    def of(cls, shape: Shape, batch: Shape) -> "Strides":
        """The strides of a contiguous `[..., rows, columns]` whose leading dimensions broadcast to `batch`."""
        *leading, rows, columns = (1,) * (len(batch) + 2 - len(shape)) + shape
        steps = [rows * columns * prod(leading[i + 1 :]) for i in range(len(leading))]
        return cls(tuple(s if n > 1 else 0 for s, n in zip(steps, leading, strict=True)), columns, 1)

    @property
    def transposed(self) -> "Strides":
        return Strides(self.batch, self.column, self.row, self.first)


@dataclass(frozen=True, slots=True)
class MatMul(Op):
    """Inputs a and b. Their matrices, `[m, k]` and `[k, n]`, and those of the output, `[m, n]`, lie by strides.

    The columns of the output lie close, and its matrices fill it.
    """

    batch: Shape
    m: int
    n: int
    k: int
    a: Strides
    b: Strides
    y: Strides
    scale: float = 1.0

    @classmethod
    def of(
        cls, left: Shape, right: Shape, *, transposed: tuple[bool, bool] = (False, False), scale: float = 1.0
    ) -> "MatMul":
        """The product of contiguous matrices, each perhaps transposed; leading dimensions broadcast.

        Raises ValueError when the shapes do not fit.
        """
        m, k = left[:-3:-1] if transposed[0] else left[-2:]
        inner, n = right[:-3:-1] if transposed[1] else right[-2:]
        if inner != k:
            raise ValueError(f"{k} columns do not fit {inner} rows")
        batch = np.broadcast_shapes(left[:-2], right[:-2])
        a, b = Strides.of(left, batch), Strides.of(right, batch)
        y = Strides.of((*batch, m, n), batch)
        a, b = a.transposed if transposed[0] else a, b.transposed if transposed[1] else b
        return cls(batch, m, n, k, a, b, y, float(np.float32(scale)))

    @property
    def shape(self) -> Shape:
        """Shape of the product, unless its matrices are written in another order."""
        return (*self.batch, self.m, self.n)


def lower(low: Lowering, node: Node, op: MatMul) -> Step:
    (a, b), y = low.operands(node)
    values: dict[str, Any] = {"a": low.source(a.name), "b": low.source(b.name), "y": y.name}
    values |= {"m": op.m, "n": op.n, "k": op.k, "scale": op.scale}
    for i in range(BATCH_AXES):
        axis = i - (BATCH_AXES - len(op.batch))
        for name, strides in (("a", op.a), ("b", op.b), ("y", op.y)):
            values[f"{name}_step{i}"] = strides.batch[axis] if axis >= 0 else 0
        values[f"size{i}"] = op.batch[axis] if axis >= 0 else 1
    for name, strides in (("a", op.a), ("b", op.b)):
        values |= {f"{name}_first": strides.first, f"{name}_row": strides.row, f"{name}_column": strides.column}
    values["y_row"] = op.y.row
    macs = prod(op.batch) * op.m * op.n * op.k
    return Step("matmul_f32", node, values, scratch=_scratch_bytes(op.m, op.n, op.k), macs=macs)


def _scratch_bytes(m: int, n: int, k: int) -> int:
    """Panels of b and a, and zeros."""
    return (round_up(n, 8) * (k + 1) + panel_rows(m) * k) * 4


def _sizes(op: PlanOp) -> list[int]:
    return [op[f"size{i}"] for i in range(BATCH_AXES)]


def _strides(op: PlanOp, name: str) -> list[int]:
    return [op[f"{name}_step{i}"] for i in range(BATCH_AXES)]


def _check(v: View) -> None:
    op = v.op
    v.dtypes(a="f32", b="f32", y="f32")
    v.whole("a", "b")
    m, n, k, sizes = op["m"], op["n"], op["k"], _sizes(op)
    v.need(all(1 <= size <= MOST for size in (m, n, k, *sizes)), "a size is out of range")
    for name, rows, columns in (("a", m, k), ("b", k, n)):
        strides = [*_strides(op, name), op[f"{name}_row"], op[f"{name}_column"]]
        v.need(all(s <= MOST for s in (op[f"{name}_first"], *strides)), f"a stride of {name} is out of range")
        last = sum((size - 1) * s for size, s in zip((*sizes, rows, columns), strides, strict=True))
        v.need(op[f"{name}_first"] + last < v.tensor[name].size, f"{name} is read behind its end")
    v.need(
        _fills(v.tensor["y"], n, list(zip((*sizes, m), (*_strides(op, "y"), op["y_row"]), strict=True))), "y has gaps"
    )
    v.scratch(_scratch_bytes(m, n, k))


def _fills(y: PlanTensor, columns: int, axes: list[tuple[int, int]]) -> bool:
    """Whether axes of (size, stride) fill `y`: each steps over all that smaller ones fill."""
    filled = columns
    for size, stride in sorted((axis for axis in axes if axis[0] > 1), key=lambda axis: axis[1]):
        if stride != filled:
            return False
        filled *= size
    return filled == y.size


def _matrices(t: Array, first: int, shape: list[int], strides: list[int]) -> Array:
    flat = np.ascontiguousarray(t).reshape(-1)[first:]
    return as_strided(flat, shape, [s * flat.itemsize for s in strides], writeable=False)


def _value(m: Machine, op: PlanOp) -> Array:
    sizes, rows, columns, k = _sizes(op), op["m"], op["n"], op["k"]
    a, b = (
        _matrices(m.get(op, name), op[f"{name}_first"], [*sizes, *shape], [*_strides(op, name), *strides])
        for name, shape, strides in (
            ("a", (rows, k), (op["a_row"], op["a_column"])),
            ("b", (k, columns), (op["b_row"], op["b_column"])),
        )
    )
    total = np.zeros((*sizes, rows, columns), np.float32)
    for i in range(k):
        total += a[..., i, None] * b[..., i, None, :]
    total *= np.float32(op["scale"])
    y = np.empty(total.size, np.float32)
    strides = [4 * s for s in (*_strides(op, "y"), op["y_row"], 1)]
    as_strided(y, total.shape, strides)[...] = total
    return y


def _scratch(_m: Machine, op: PlanOp) -> int:
    return _scratch_bytes(op["m"], op["n"], op["k"])


_BATCH = " ".join(f"size{i} a_step{i} b_step{i} y_step{i}" for i in range(BATCH_AXES))

CODES = (
    opcode(
        39,
        "matmul_f32",
        f"*a *b *y m n k {_BATCH} a_first a_row a_column b_first b_row b_column y_row .scale @scratch",
        _check,
        _value,
        scratch=_scratch,
    ),
)
