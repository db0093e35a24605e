"""conv2d with a window of 3x3 that moves by one pixel, by Winograd's F(2x2, 3x3): 16 products stand for 36.

Winograd, "Arithmetic complexity of computations" (1980); Lavin and Gray, "Fast algorithms for convolutional neural
networks" (2015). i8 is exact: the weights are held four times as large as they are.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Lowering, Step, constant_of
from edgefn.graph.ir import Node, Shape, Window
from edgefn.graph.opcode import opcode
from edgefn.graph.ops.matrix import (
    check_fixed,
    check_weights,
    finish_fixed,
    finish_i8,
    lower_weights,
)
from edgefn.graph.ops.pack import round_up
from edgefn.graph.ops.windows import CONV_WORDS, check_window, window_words
from edgefn.graph.records import PlanOp
from edgefn.graph.reference import Machine, clamp
from edgefn.graph.view import View

__all__ = ["CODES", "fits", "lower_winograd"]

type Array = NDArray[Any]

POINTS, LANES = 16, 8
TILES = 24  # that are computed at a time
MAX_CHANNELS = 2048
MAX_WEIGHTS = 4 << 20  # bytes: weights become 16/9 as many, of i8 twice as wide
FEWEST_PIXELS, FEWEST_COLUMNS = 16, 8  # below, the transforms cost more than they save

# Of the weights, of the input and of the sums, along one axis; the weights' is doubled in i8.
_KERNEL = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
_INPUT = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
_SUMS = np.array([[1, 1, 1, 0], [0, 1, -1, -1]])


def fits(x: Shape, y: Shape, window: Window, dtype: str) -> bool:
    """Whether a convolution can be done so, and is faster then."""
    if (window.kernel, window.stride, window.dilation) != ((3, 3), (1, 1), (1, 1)):
        return False
    if x[3] % LANES or x[3] > MAX_CHANNELS or _weights_bytes(dtype, c=x[3], m=y[3]) > MAX_WEIGHTS:
        return False
    return y[1] * y[2] >= FEWEST_PIXELS and y[3] >= FEWEST_COLUMNS


def lower_winograd(low: Lowering, node: Node, window: Window) -> Step:
    (x, w, *_), y = low.operands(node)
    c = x.shape[3]
    packed = pack_winograd(constant_of(w).reshape(y.shape[3], 3, 3, c))
    words, scratch = window_words(window, CONV_WORDS), _bytes(x.dtype, x.shape, y.shape)
    return lower_weights(low, node, packed, code="winograd", k=9 * c, scratch=scratch, **words)


def pack_winograd(w: Array) -> bytes:
    """Weights `[M, 3, 3, C]`, transformed, as `[M/8][16][C][8]` f32, or of i8 as `[M/8][16][C/2][8][2]` i16."""
    m, _, _, c = w.shape
    full = np.zeros((round_up(m, LANES), 4, 4, c))
    kernel = _KERNEL if w.dtype == np.float32 else 2 * _KERNEL
    full[:m] = np.einsum("ik,mklc,jl->mijc", kernel, w.astype(np.float64), kernel)
    points = full.reshape(-1, LANES, POINTS, c)
    if w.dtype == np.float32:
        return points.transpose(0, 2, 3, 1).astype(np.float32).tobytes()
    return points.reshape(*points.shape[:3], c // 2, 2).transpose(0, 2, 3, 1, 4).astype(np.int16).tobytes()


def unpack_winograd(data: bytes, dtype: str, m: int, c: int) -> Array:
    """Transformed weights `[16, C, M]` of what `pack_winograd` made."""
    if dtype == "f32":
        points = np.frombuffer(data, "<f4").reshape(-1, POINTS, c, LANES)
    else:
        pairs = np.frombuffer(data, "<i2").reshape(-1, POINTS, c // 2, LANES, 2)
        points = pairs.transpose(0, 1, 2, 4, 3).reshape(-1, POINTS, c, LANES)
    return points.transpose(1, 2, 0, 3).reshape(POINTS, c, -1)[..., :m]


def _weights_bytes(dtype: str, *, c: int, m: int) -> int:
    return round_up(m, LANES) * POINTS * c * (4 if dtype == "f32" else 2)


def _bytes(dtype: str, x: Shape, y: Shape) -> int:
    """Working memory: panels and sums of a block of tiles, and the input of four tiles at an edge."""
    item, wide = (4, 4) if dtype == "f32" else (1, 2)
    tiles = y[0] * -(-y[1] // 2) * -(-y[2] // 2)
    return POINTS * (min(TILES, round_up(tiles, 4)) * (x[3] * wide + 4 * LANES) + 4 * x[3] * item)


def _check(v: View) -> None:
    check_window(v)
    x, y, op = v.tensor["x"], v.tensor["y"], v.op
    v.need(op["kh"] == 3 and op["kw"] == 3, "the kernel is not 3x3")
    v.need(all(op[f"{word}_{side}"] == 1 for word in ("stride", "dilation") for side in "hw"), "a stride or a dilation")
    c, m = x.dims[3], y.dims[3]
    v.need(c % LANES == 0 and c <= MAX_CHANNELS, f"{c} channels")
    check_weights(v, packed=_weights_bytes(y.dtype, c=c, m=m), m=m)
    v.scratch(_bytes(x.dtype, x.dims, y.dims))


def _check_q8(v: View) -> None:
    _check(v)
    check_fixed(v)


def _scratch(m: Machine, op: PlanOp) -> int:
    x, y = m.tensor(op, "x"), m.tensor(op, "y")
    return _bytes(x.dtype, x.dims, y.dims)


def _pixels(m: Machine, op: PlanOp, fill: int) -> Array:
    """The convolution `[N, OH, OW, M]`, of i8 four times as large, without bias."""
    y, x = m.tensor(op, "y"), m.get(op, "x")
    n, oh, ow, count = y.dims
    inner = x.astype(np.float32 if y.dtype == "f32" else np.int64)
    tiles = _transformed(inner, (-(-oh // 2), -(-ow // 2)), (op["pad_top"], op["pad_left"]), fill)
    w = unpack_winograd(m.raw(m.tensor(op, "w")).tobytes(), y.dtype, count, x.shape[3])
    sums = np.zeros((*tiles.shape[:4], count), inner.dtype)  # [16, n, high, wide, m]
    for k in range(x.shape[3]):
        sums += tiles[..., k, None] * w[:, None, None, None, k]
    rows = _applied(_SUMS, sums.reshape(4, 4, *sums.shape[1:]))
    pixels = _applied(_SUMS, rows.swapaxes(0, 1))  # [2 across, 2 down, n, high, wide, m]
    whole = pixels.transpose(2, 3, 1, 4, 0, 5).reshape(n, 2 * tiles.shape[2], 2 * tiles.shape[3], count)
    return np.asarray(whole[:, :oh, :ow])


def _transformed(x: Array, tiles: tuple[int, int], pads: tuple[int, int], fill: int) -> Array:
    """The transformed input of every tile, `[16, N, high, wide, C]`."""
    ends = [max(0, 2 * t + 2 - side - pad) for t, side, pad in zip(tiles, x.shape[1:3], pads, strict=True)]
    wide = np.pad(x, ((0, 0), (pads[0], ends[0]), (pads[1], ends[1]), (0, 0)), constant_values=fill)
    parts = [[wide[:, i : i + 2 * tiles[0] : 2, j : j + 2 * tiles[1] : 2] for j in range(4)] for i in range(4)]
    rows = _applied(_INPUT, np.array(parts))
    inner = _applied(_INPUT, rows.swapaxes(0, 1)).swapaxes(0, 1)
    return inner.reshape(POINTS, *inner.shape[2:])


def _applied(matrix: Array, v: Array) -> Array:
    """A matrix of 0, 1 and -1 by the first axis of `v`; added from left to right, so that floats round as planned."""
    out = []
    for row in matrix:
        terms = [v[i] if sign > 0 else -v[i] for i, sign in enumerate(row) if sign]
        out.append(sum(terms[1:], terms[0]))
    return np.stack(out)


def _f32(m: Machine, op: PlanOp) -> Array:
    pixels = _pixels(m, op, 0)
    return clamp(pixels + m.vector(op, "bias", pixels.shape[-1]), op)


def _i8(m: Machine, op: PlanOp) -> Array:
    return finish_i8(m, op, _pixels(m, op, op["x_zero"]) >> 2)


def _q8(m: Machine, op: PlanOp) -> Array:
    return finish_fixed(m, op, _pixels(m, op, op["x_zero"]) >> 2)


_QUANTIZED = f"*x *w *bias *mult *y {CONV_WORDS} x_zero:i8 y_zero:i8 low:i8 high:i8 @scratch"

CODES = (
    opcode(
        57, "winograd_f32", f"*x *w *bias *y {CONV_WORDS} low:bound high:bound @scratch", _check, _f32, scratch=_scratch
    ),
    opcode(58, "winograd_i8", _QUANTIZED, _check, _i8, scratch=_scratch),
    opcode(59, "winograd_q8", _QUANTIZED, _check_q8, _q8, scratch=_scratch),
)
