"""depthwise: images `[N, H, W, C]`, each channel by its own weights `[1, kh, kw, C]`."""

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step, constant_of
from edgefn.graph.ir import Node, Window
from edgefn.graph.opcode import opcode
from edgefn.graph.ops.matrix import Weighted, check_weights, finish_i8, lower_weights
from edgefn.graph.ops.pack import pack_depthwise, packed_depthwise, round_up, unpack_depthwise
from edgefn.graph.ops.windows import CONV_WORDS, check_window, taps_of, window_words
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine, clamp
from edgefn.graph.view import View

__all__ = ["CODES", "Depthwise", "lower"]

type Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Depthwise(Weighted):
    axis: ClassVar[int] = 3
    window: Window


def _bytes(dtype: str, *, taps: int, channels: int) -> int:
    """Working memory: a row of padding, and one pointer a tap."""
    return round_up(channels, 8) * (4 if dtype == "f32" else 1) + taps * 4


def lower(low: Lowering, node: Node, op: Depthwise) -> Step:
    (_, w, *_), y = low.operands(node)
    taps, channels = prod(op.window.kernel), y.shape[3]
    flat = constant_of(w).reshape(taps, channels)
    scratch = _bytes(y.dtype, taps=taps, channels=channels)
    words = window_words(op.window, CONV_WORDS)
    return lower_weights(low, node, pack_depthwise(flat), code="depthwise", k=taps, scratch=scratch, **words)


def _check(v: View) -> None:
    check_window(v)
    channels, taps, dtype = v.tensor["y"].dims[3], v.op["kh"] * v.op["kw"], v.tensor["y"].dtype
    v.need(v.tensor["x"].dims[3] == channels, "x and y differ in channels")
    packed = packed_depthwise(dtype, taps=taps, channels=channels)
    check_weights(v, packed=packed, m=channels, scratch=_bytes(dtype, taps=taps, channels=channels))


def _scratch(m: Machine, op: PlanOp) -> int:
    y = m.tensor(op, "y")
    return _bytes(y.dtype, taps=op["kh"] * op["kw"], channels=y.dims[3])


def _f32(m: Machine, op: PlanOp) -> Array:
    y = m.tensor(op, "y")
    taps = taps_of(op, m.get(op, "x"), y, 0)
    w = unpack_depthwise(m.raw(m.tensor(op, "w")).tobytes(), taps.shape[3], y.dims[3], "<f4")
    total = np.zeros(y.dims, np.float32)
    for k in range(len(w)):
        total += taps[:, :, :, k] * w[k]
    return clamp(total + m.vector(op, "bias", y.dims[3]), op)


def _i8(m: Machine, op: PlanOp) -> Array:
    y = m.tensor(op, "y")
    taps = taps_of(op, m.get(op, "x"), y, op["x_zero"])
    w = unpack_depthwise(m.raw(m.tensor(op, "w")).tobytes(), taps.shape[3], y.dims[3], np.int8)
    return finish_i8(m, op, (taps.astype(np.int64) * w).sum(axis=3))


CODES = (
    opcode(3, "depthwise_f32", f"*x *w *bias *y {CONV_WORDS} .low .high @scratch", _check, _f32, scratch=_scratch),
    opcode(
        4,
        "depthwise_i8",
        f"*x *w *bias *mult *y {CONV_WORDS} x_zero y_zero low high @scratch",
        _check,
        _i8,
        scratch=_scratch,
    ),
)
