"""What lstm, gru and rnn share: T steps on B sequences of H cells, after a dense layer for the products of all inputs.

A gate has r8(H) lanes there, zeros above H, so that what a gate adds up lies where the engine reads it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.ops.pack import LANES, pack_matrix_f32, round_up, unpack_matrix_f32
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine
from edgefn.graph.view import View

__all__ = ["check_recurrence", "operands", "pack_gates", "recur", "scratch_bytes", "sigmoid", "spread", "walk"]

type Array = NDArray[Any]


def spread(gates: Array) -> Array:
    """`[G, H, ...]` as `[G * r8(H), ...]`: one gate after another, each filled up with zeros."""
    count, cells = gates.shape[:2]
    full = np.zeros((count, round_up(cells, LANES), *gates.shape[2:]), gates.dtype)
    full[:, :cells] = gates
    return full.reshape(-1, *gates.shape[2:])


def pack_gates(r: Array) -> bytes:
    """Recurrent weights `[G, H, H]` as a dense layer has them."""
    return pack_matrix_f32(spread(r))


def scratch_bytes(gates: int, cells: int) -> int:
    """Working memory: the gates of a step."""
    return gates * round_up(cells, LANES) * 4


def check_recurrence(v: View, gates: int, head: int = 0) -> None:
    """Dtypes, shapes and sizes; `head` is what y has in front of the states."""
    x, h, y = v.tensor["x"], v.tensor["h"], v.tensor["y"]
    v.dtypes(x="f32", h="f32", y="f32")
    v.whole("x", "h")
    v.need(
        len(x.dims) == 3 and len(h.dims) > 0, f"x {x.dims} has no gates, steps and sequences, or h {h.dims} no cells"
    )
    cells = h.dims[-1]
    v.need(x.dims[2] == gates * round_up(cells, LANES), f"x {x.dims} is not {gates} gates of {cells} cells")
    v.need(h.size == x.dims[1] * cells, f"h {h.dims} is not {x.dims[1]} sequences")
    v.need(y.size == head + x.dims[0] * h.size, f"y {y.dims} is not {x.dims[0]} steps")
    v.packed("r", "f32", gates * round_up(cells, LANES) * cells * 4)
    v.scratch(scratch_bytes(gates, cells))


def operands(m: Machine, op: PlanOp, gates: int) -> tuple[Array, Array, Array]:
    """In f64: x `[T, B, G, H]`, h `[B, H]` and r `[G, H, H]`."""
    x, h = m.get(op, "x"), m.get(op, "h")
    cells = h.shape[-1]
    r = unpack_matrix_f32(m.raw(m.tensor(op, "r")).tobytes(), gates * round_up(cells, LANES), cells)
    split = (*x.shape[:2], gates, -1)
    return (
        x.reshape(split)[..., :cells].astype(np.float64),
        h.reshape(-1, cells).astype(np.float64),
        r.reshape(gates, -1, cells)[:, :cells].astype(np.float64),
    )


def walk(op: PlanOp, x: Array, h: Array, step: Callable[[Array, Array], Array]) -> Array:
    """What h is after every step, `[T, B, H]`; `step` is from x `[B, G, H]` and h before to h after."""
    after = np.empty((len(x), *h.shape))
    for t in range(len(x))[:: -1 if op["reverse"] else 1]:
        after[t] = h = step(x[t], h)
    return after


def recur(x: Array, r: Array, h: Array) -> Array:
    """Sums of gates `[B, G, H]`."""
    return np.asarray(x + np.einsum("gij,bj->bgi", r, h))


def sigmoid(x: Array) -> Array:
    return np.asarray(np.tanh(x / 2) / 2 + 0.5)
