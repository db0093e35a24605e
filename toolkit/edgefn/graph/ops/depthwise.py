"""depthwise: images `[N, H, W, C]`, each channel by its own weights `[1, kh, kw, C]`."""

from collections.abc import Mapping
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
type Words = Mapping[str, int] | PlanOp


@dataclass(frozen=True, slots=True)
class Depthwise(Weighted):
    axis: ClassVar[int] = 3
    window: Window


MAX_LINE = 1 << 28
LANES = {"f32": 4, "i8": 8}  # channels of a block, which takes 16 bytes


def _pixels(words: Words, y: Shape) -> int:
    """Pixels of input that the windows of one row of y cover."""
    return (y[2] - 1) * words["stride_w"] + (words["kw"] - 1) * words["dilation_w"] + 1


def _bytes(words: Words, dtype: str, y: Shape) -> int:
    """Working memory: lines for each kernel row and outside, their addresses and rows, and the weights."""
    kh, lanes = words["kh"], LANES[dtype]
    vectors = (kh + 1) * _pixels(words, y) + kh * words["kw"]
    return 8 * kh + vectors * round_up(y[3], lanes) // lanes * 16


def lower(low: Lowering, node: Node, op: Depthwise) -> Step:
    (_, w, *_), y = low.operands(node)
    taps, channels = prod(op.window.kernel), y.shape[3]
    words = window_words(op.window, CONV_WORDS)
    packed = pack_depthwise(constant_of(w).reshape(taps, channels))
    scratch = _bytes(words, y.dtype, y.shape)
    return lower_weights(low, node, packed, code="depthwise", k=taps, scratch=scratch, **words)


def _check(v: View) -> None:
    check_window(v)
    y, taps = v.tensor["y"], v.op["kh"] * v.op["kw"]
    channels = y.dims[3]
    v.need(v.tensor["x"].dims[3] == channels, "x and y differ in channels")
    check_weights(v, packed=packed_depthwise(y.dtype, taps=taps, channels=channels), m=channels)
    line = _pixels(v.op, y.dims) * channels * (4 if y.dtype == "f32" else 1)
    v.need(line <= MAX_LINE, f"a line takes {line:,} bytes")
    v.scratch(_bytes(v.op, y.dtype, y.dims))


def _check_q8(v: View) -> None:
    _check(v)
    check_fixed(v)


def _scratch(m: Machine, op: PlanOp) -> int:
    y = m.tensor(op, "y")
    return _bytes(op, y.dtype, y.dims)


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
