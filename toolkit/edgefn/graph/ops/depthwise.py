"""depthwise: images `[N, H, W, C]`, each channel by its own weights `[1, kh, kw, C]`."""

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step, constant_of
from edgefn.graph.ir import Node, Shape, Window
from edgefn.graph.opcode import opcode
from edgefn.graph.ops.matrix import (
    Weighted,
    check_fixed,
    check_weights,
    finish_fixed,
    finish_i8,
    lower_weights,
)
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


MAX_LINE = 1 << 28
_FACTORS = {"f32": 0, "i8": 0, "q8": 16}  # bytes a channel


def _line(kind: str, y: Shape, kw: int, stride: int, dilation: int) -> int:
    """Bytes of input that the windows of one row of y cover."""
    return ((y[2] - 1) * stride + (kw - 1) * dilation + 1) * y[3] * (4 if kind == "f32" else 1)


def _bytes(kind: str, y: Shape, *, kh: int, line: int) -> int:
    """Working memory: lines of `line` bytes for each kernel row and outside, their addresses and rows, q8's factors."""
    return round_up(y[3], 8) * _FACTORS[kind] + 8 * kh + (kh + 1) * line


def _kind(name: str) -> str:
    return name.rpartition("_")[2]


def lower(low: Lowering, node: Node, op: Depthwise) -> Step:
    (_, w, *_), y = low.operands(node)
    taps, channels = prod(op.window.kernel), y.shape[3]
    flat = constant_of(w).reshape(taps, channels)
    kind = low.kind(y.dtype)
    line = _line(kind, y.shape, op.window.kernel[1], op.window.stride[1], op.window.dilation[1])
    scratch = _bytes(kind, y.shape, kh=op.window.kernel[0], line=line)
    words = window_words(op.window, CONV_WORDS)
    packed = pack_depthwise(flat)
    return lower_weights(low, node, packed, code="depthwise", k=taps, scratch=scratch, **words)


def _check(v: View) -> None:
    check_window(v)
    channels, taps, dtype = v.tensor["y"].dims[3], v.op["kh"] * v.op["kw"], v.tensor["y"].dtype
    v.need(v.tensor["x"].dims[3] == channels, "x and y differ in channels")
    packed = packed_depthwise(dtype, taps=taps, channels=channels)
    check_weights(v, packed=packed, m=channels)
    line = _line_of(v.name, v.op, v.tensor["y"].dims)
    v.need(line <= MAX_LINE, f"a line takes {line:,} bytes")
    v.scratch(_bytes(_kind(v.name), v.tensor["y"].dims, kh=v.op["kh"], line=line))


def _check_q8(v: View) -> None:
    _check(v)
    check_fixed(v)


def _scratch(m: Machine, op: PlanOp) -> int:
    y = m.tensor(op, "y").dims
    return _bytes(_kind(op.code.name), y, kh=op["kh"], line=_line_of(op.code.name, op, y))


def _line_of(name: str, op: PlanOp, y: Shape) -> int:
    return _line(_kind(name), y, op["kw"], op["stride_w"], op["dilation_w"])


def _f32(m: Machine, op: PlanOp) -> Array:
    y = m.tensor(op, "y")
    taps = taps_of(op, m.get(op, "x"), y, 0)
    w = unpack_depthwise(m.raw(m.tensor(op, "w")).tobytes(), taps.shape[3], y.dims[3], "<f4")
    total = np.zeros(y.dims, np.float32)
    for k in range(len(w)):
        total += taps[:, :, :, k] * w[k]
    return clamp(total + m.vector(op, "bias", y.dims[3]), op)


def _products(m: Machine, op: PlanOp) -> Array:
    y = m.tensor(op, "y")
    taps = taps_of(op, m.get(op, "x"), y, op["x_zero"])
    w = unpack_depthwise(m.raw(m.tensor(op, "w")).tobytes(), taps.shape[3], y.dims[3], np.int8)
    return np.asarray((taps.astype(np.int64) * w).sum(axis=3))


def _i8(m: Machine, op: PlanOp) -> Array:
    return finish_i8(m, op, _products(m, op))


def _q8(m: Machine, op: PlanOp) -> Array:
    return finish_fixed(m, op, _products(m, op))


_QUANTIZED = f"*x *w *bias *mult *y {CONV_WORDS} x_zero:i8 y_zero:i8 low:i8 high:i8 @scratch"

CODES = (
    opcode(
        3, "depthwise_f32", f"*x *w *bias *y {CONV_WORDS} low:bound high:bound @scratch", _check, _f32, scratch=_scratch
    ),
    opcode(4, "depthwise_i8", _QUANTIZED, _check, _i8, scratch=_scratch),
    opcode(24, "depthwise_q8", _QUANTIZED, _check_q8, _q8, scratch=_scratch),
)
