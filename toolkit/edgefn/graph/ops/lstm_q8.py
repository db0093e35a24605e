"""lstm_q8: long short-term memory as TFLite's integer kernel computes it: i8 in and out, gates and c of 16 bits."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Packed, Step, constant_of, scalar_of
from edgefn.graph.ir import Node, Op, Tensor
from edgefn.graph.opcode import opcode
from edgefn.graph.ops.fixed import end, multiplier_of, scaled, shifted, valid_multipliers
from edgefn.graph.ops.pack import LANES, pack_matrix_i8, pack_vector, round_up, unpack_matrix_i8
from edgefn.graph.ops.q15 import saturated, sigmoid, tanh
from edgefn.graph.ops.recurrent import spread
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine
from edgefn.graph.view import View

__all__ = ["CODES", "LstmQ8", "head", "lower"]

type Array = NDArray[Any]

GATES = 4
FACTORS = 9  # of the gates' products with x, then with h, then of h itself
GATE_SCALE = np.float32(2.0**-12)
MAX_CELL_BITS = 6


@dataclass(frozen=True, slots=True)
class LstmQ8(Op):
    """Inputs: x `[T, B, K]`, h `[B, H]`, c `[B, H, 2]`, constants w `[4, H, K]`, r `[4, H, H]` and bias `[4, H]`.

    c is i16, in pairs of i8. The gates are i, f, g, o; `w_scales` and `r_scales` are theirs. The output is flat: c
    after the last step, filled up to `head`, then h `[T, B, H]`. c has `cell_bits` bits in front of the point, and is
    at most `clip` in size, unless that is 0.
    """

    w_scales: tuple[float, ...]
    r_scales: tuple[float, ...]
    cell_bits: int
    clip: int


def head(batch: int, cells: int) -> int:
    """Elements of the output in front of h."""
    return round_up(batch * cells * 2, 16)


def scratch_bytes(inputs: int, cells: int) -> int:
    """Working memory: a row of x and one of h, widened, and the gates of a step."""
    rows = sum(round_up(n * 2, 16) for n in (inputs, cells))
    return rows + GATES * round_up(cells, LANES) * 2


def lower(low: Lowering, node: Node, op: LstmQ8) -> Step:
    (x, h, c, w, r, bias), y = low.operands(node)
    (x_scale, x_zero), (h_scale, h_zero), (y_scale, y_zero) = scalar_of(x), scalar_of(h), scalar_of(y)
    with np.errstate(over="ignore", under="ignore"):  # in f32, as TFLite prepares them
        reals = [np.float32(s) * np.float32(x_scale) / GATE_SCALE for s in op.w_scales]
        reals += [np.float32(s) * np.float32(h_scale) / GATE_SCALE for s in op.r_scales]
        reals.append(np.float32(2.0**-15 / y_scale * 2.0**-15))
    pairs = np.array([multiplier_of(node, float(real)) for real in reals], np.int32)
    values = {
        **{name: low.source(t.name) for name, t in (("x", x), ("h", h), ("c", c))},
        "w": Packed("i8", w.shape, pack_matrix_i8(spread(constant_of(w)))),
        "r": Packed("i8", r.shape, pack_matrix_i8(spread(constant_of(r)))),
        "bias": _biases(constant_of(bias).astype(np.int64), (w, x_zero), (r, h_zero)),
        "mult": Packed("i32", (2, round_up(FACTORS, LANES)), pack_vector(pairs[:, 0]) + pack_vector(pairs[:, 1])),
        "y": y.name,
        "cell_bits": op.cell_bits,
        "clip": op.clip,
        "y_zero": y_zero,
    }
    macs = prod(x.shape[:2]) * (w.size + r.size)
    return Step("lstm_q8", node, values, scratch=scratch_bytes(x.shape[2], h.shape[-1]), macs=macs)


def _biases(bias: Array, of_x: tuple[Tensor, int], of_h: tuple[Tensor, int]) -> Packed:
    """Of the products with x, and of those with h: the zero points are folded in."""
    sums = [-zero * constant_of(t).astype(np.int64).sum(axis=2) for t, zero in (of_x, of_h)]
    both = np.concatenate([spread((bias + sums[0]).astype(np.int32)), spread(sums[1].astype(np.int32))])
    return Packed("i32", (2, len(both) // 2), both.tobytes())


def _check(v: View) -> None:
    x, h, c, y = (v.tensor[name] for name in ("x", "h", "c", "y"))
    v.dtypes(x="i8", h="i8", c="i8", y="i8")
    v.whole("x", "h", "c")
    v.need(len(x.dims) == 3 and len(h.dims) > 0, f"x {x.dims} or h {h.dims} has another rank")
    (steps, batch, inputs), cells = x.dims, h.dims[-1]
    lanes = round_up(cells, LANES)
    v.need(h.size == batch * cells and c.size == 2 * h.size, f"h {h.dims} or c {c.dims} is not of {batch} sequences")
    v.need(y.size == head(batch, cells) + steps * h.size, f"y {y.dims} is not {steps} steps")
    v.packed("w", "i8", GATES * lanes * round_up(inputs, 2))
    v.packed("r", "i8", GATES * lanes * round_up(cells, 2))
    v.packed("bias", "i32", 2 * GATES * lanes * 4)
    v.packed("mult", "i32", 2 * round_up(FACTORS, LANES) * 4)
    mult, shift = v.numbers("mult").reshape(2, -1)
    v.need(valid_multipliers(mult, shift), "a multiplier or a shift is out of range")
    v.need(v.op["cell_bits"] <= MAX_CELL_BITS and v.op["clip"] < 2**15, "cell_bits or clip is out of range")
    v.scratch(scratch_bytes(inputs, cells))


def _scratch(m: Machine, op: PlanOp) -> int:
    return scratch_bytes(m.tensor(op, "x").dims[2], m.tensor(op, "h").dims[-1])


def _products(m: Machine, op: PlanOp, name: str, inputs: int, cells: int) -> Array:
    """Weights `[4, H, inputs]`."""
    rows = GATES * round_up(cells, LANES)
    matrix = unpack_matrix_i8(m.raw(m.tensor(op, name)).tobytes(), rows, inputs)
    return matrix.reshape(GATES, -1, inputs)[:, :cells].astype(np.int64)


def _value(m: Machine, op: PlanOp) -> Array:
    x, h = m.get(op, "x").astype(np.int64), m.get(op, "h").astype(np.int64)
    (steps, batch, inputs), cells = x.shape, h.shape[-1]
    h, c = h.reshape(batch, cells), m.get(op, "c").reshape(-1).view("<i2").reshape(batch, cells).astype(np.int64)
    w, r = _products(m, op, "w", inputs, cells), _products(m, op, "r", cells, cells)
    bias = m.raw(m.tensor(op, "bias")).view("<i4").reshape(2, GATES, -1)[..., :cells].astype(np.int64)
    mult, shift = m.raw(m.tensor(op, "mult")).view("<i4").reshape(2, -1)[:, :FACTORS].astype(np.int64)
    after = np.empty((steps, batch, cells), np.int8)
    for t in range(steps):
        gates = [
            saturated(
                scaled(_wrapped(h @ r[g].T + bias[1, g]), mult[GATES + g], shift[GATES + g])
                + saturated(scaled(_wrapped(x[t] @ w[g].T + bias[0, g]), mult[g], shift[g]))
            )
            for g in range(GATES)
        ]
        i, f, o = (sigmoid(gates[g]) for g in (0, 1, 3))
        c = saturated(shifted(f * c, 15) + shifted(i * tanh(gates[2], 3), 15 + op["cell_bits"]))
        if op["clip"]:
            c = np.clip(c, -op["clip"], op["clip"])
        h = end(scaled(o * tanh(c, op["cell_bits"]), mult[-1], shift[-1]), op["y_zero"], -128, 127).astype(np.int64)
        after[t] = h
    cell = c.astype("<i2").reshape(-1).view(np.int8)
    return np.concatenate([cell, np.zeros(-cell.size % 16, np.int8), after.reshape(-1)])


def _wrapped(v: Array) -> Array:
    return np.asarray(v.astype(np.int32), np.int64)


CODES = (
    opcode(
        44,
        "lstm_q8",
        "*x *h *c *w *r *bias *mult *y cell_bits clip y_zero:i8 @scratch",
        _check,
        _value,
        scratch=_scratch,
    ),
)
