"""Plans of one op each, and the packings they need."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .plan_builder import PlanBuilder

INF = float("inf")


def r8(n):
    return -(-n // 8) * 8


def pack_columns(w: np.ndarray) -> np.ndarray:
    """Conv and dense weights [M][K] to [M/8][K][8] (f32) or [M/8][K2/2][8][2] (i8)."""
    m, k = w.shape
    if w.dtype == np.float32:
        padded = np.zeros((r8(m), k), np.float32)
        padded[:m] = w
        return padded.reshape(-1, 8, k).transpose(0, 2, 1)
    padded = np.zeros((r8(m), k + k % 2), np.int8)
    padded[:m, :k] = w
    return padded.reshape(r8(m) // 8, 8, -1, 2).transpose(0, 2, 1, 3)


def pad_channels(values: np.ndarray, fill=0) -> np.ndarray:
    """The last axis up to a multiple of 8."""
    c = values.shape[-1]
    return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, r8(c) - c)], constant_values=fill)


@dataclass(frozen=True)
class Window:
    kh: int = 1
    kw: int = 1
    stride_h: int = 1
    stride_w: int = 1
    dilation_h: int = 1
    dilation_w: int = 1
    pad_top: int = 0
    pad_left: int = 0

    @property
    def words(self) -> tuple[int, ...]:
        return (
            *(self.kh, self.kw, self.stride_h, self.stride_w),
            *(self.dilation_h, self.dilation_w, self.pad_top, self.pad_left),
        )


def _block(rows: int) -> int:
    return min(96, -(-rows // 4) * 4)


def matrix_scratch(dtype: str, rows: int, k: int) -> int:
    if dtype == "float32":
        return _block(rows) * k * 4
    return _block(rows) * (k + k % 2) * 2 + 16


@dataclass(frozen=True)
class Layer:
    """What follows a product: f32 uses bias, low and high only.

    `mult` is f32 for the _i8 codes: factors, or `[3][M]` factors, offsets and centres. For q8 it is i32, with `shift`,
    or f64 in a dense layer.
    """

    bias: np.ndarray
    low: float = -INF
    high: float = INF
    mult: np.ndarray | None = None
    x_zero: int = 0
    y_zero: int = 0
    shift: np.ndarray | None = None

    @property
    def q8(self) -> bool:
        return self.mult is not None and self.mult.dtype != np.float32

    @property
    def packed_mult(self) -> np.ndarray:
        if self.shift is not None:
            return np.stack([pad_channels(self.mult), pad_channels(self.shift)])
        if self.q8:
            return pad_channels(self.mult, 1).view(np.int32)
        return pad_channels(
            self.mult if self.mult.ndim == 2 else np.stack([self.mult, *np.zeros_like([self.mult] * 2)])
        )


def pack_runs(w: np.ndarray, window: Window) -> np.ndarray:
    """Conv weights [M][kh][kw][C] i8, each run rounded up to 2, as pack_columns."""
    taps = window.kw if window.dilation_w == 1 else 1
    runs = w.reshape(len(w), -1, taps * w.shape[3])
    return pack_columns(np.pad(runs, ((0, 0), (0, 0), (0, runs.shape[2] % 2))).reshape(len(w), -1))


def field_scratch(x: np.ndarray, window: Window, out: tuple[int, int]) -> int:
    """Where the runs of a window lie, and what a block of pixels sees, in i16 or f32, unless it is read in x."""
    taps = window.kw if window.dilation_w == 1 else 1
    c, runs = x.shape[3], window.kh * window.kw // taps
    flat = (window.kh, window.kw, window.stride_h, window.stride_w, *out) == (1, 1, 1, 1, *x.shape[1:3])
    (height, width), (h, w) = ((1, x.size // c),) * 2 if flat else (out, x.shape[1:3])
    tall, wide = (window.kh - 1) * window.dilation_h + 1, (window.kw - 1) * window.dilation_w + 1
    inside = (height - 1) * window.stride_h + tall <= h and (width - 1) * window.stride_w + wide <= w
    one_pixel = x.shape[0] * out[0] * out[1] == 1 and window.kh > 1
    vectors = x.dtype == np.float32 and taps * c % 4 == 0 and not one_pixel
    if vectors and inside and (window.pad_top, window.pad_left) == (0, 0):
        return runs * 4
    columns = min(96, width)
    lines = (min(96 // columns, height) - 1) * (window.stride_h if window.kh > 1 else 1) + tall
    pitch = ((columns - 1) * window.stride_w + wide) * c
    line = pitch * 4 if x.dtype == np.float32 else (pitch + pitch % 2) * 2
    return runs * 4 + lines * line + 32


def conv2d(x: np.ndarray, w: np.ndarray, window: Window, out: tuple[int, int], layer: Layer) -> bytes:
    """conv2d of x [N][H][W][C] and w [M][kh][kw][C]; layer.bias is the packed one."""
    b, m, k = PlanBuilder(), len(w), w[0].size
    target = b.tensor(x.dtype.name, (x.shape[0], *out, m))
    packed = pack_runs(w, window) if x.dtype == np.int8 else pack_columns(w.reshape(m, k))
    scratch = b.reserve(field_scratch(x, window, out))
    source = b.last(x.dtype.name, x.shape)
    _product(b, (1, 2, 23), source, target, packed, window=window.words, layer=layer, scratch=scratch)
    return b.build([source], [target])


def depthwise(x: np.ndarray, w: np.ndarray, window: Window, out: tuple[int, int], layer: Layer) -> bytes:
    """depthwise of x [N][H][W][C] and w [kh][kw][C]."""
    b, c = PlanBuilder(), x.shape[3]
    target = b.tensor(x.dtype.name, (x.shape[0], *out, c))
    line = (out[1] - 1) * window.stride_w + (window.kw - 1) * window.dilation_w + 1
    lanes = 4 if x.dtype == np.float32 else 8
    vectors = ((window.kh + 1) * line + window.kh * window.kw) * -(-c // lanes)
    scratch = b.reserve(vectors * 16 + window.kh * 8)
    source = b.last(x.dtype.name, x.shape)
    _product(b, (3, 4, 24), source, target, pad_channels(w), window=window.words, layer=layer, scratch=scratch)
    return b.build([source], [target])


def pack_points(w: np.ndarray) -> np.ndarray:
    """Weights [M][3][3][C], transformed, to [M/8][16][C][8] (f32) or [M/8][16][C/2][8][2] (i16, as bytes)."""
    m, _, _, c = w.shape
    half, kernel = (0.5, 1) if w.dtype == np.float32 else (1, 2)
    g = np.array([[kernel, 0, 0], [half, half, half], [half, -half, half], [0, 0, kernel]])
    points = np.zeros((r8(m), 16, c))
    for j in range(m):
        for i in range(c):
            points[j, :, i] = (g @ w[j, :, :, i].astype(np.float64) @ g.T).ravel()
    blocks = points.reshape(-1, 8, 16, c)
    if w.dtype == np.float32:
        return blocks.transpose(0, 2, 3, 1).astype(np.float32)
    pairs = blocks.reshape(-1, 8, 16, c // 2, 2).transpose(0, 2, 3, 1, 4).astype(np.int16)
    return np.frombuffer(pairs.tobytes(), np.int8)


def winograd(x: np.ndarray, w: np.ndarray, pad: tuple[int, int], out: tuple[int, int], layer: Layer) -> bytes:
    """winograd of x [N][H][W][C] and w [M][3][3][C]."""
    b, m, c = PlanBuilder(), len(w), x.shape[3]
    target = b.tensor(x.dtype.name, (x.shape[0], *out, m))
    block = min(24, -(-x.shape[0] * -(-out[0] // 2) * -(-out[1] // 2) // 4) * 4)
    wide = 4 if x.dtype == np.float32 else 2
    scratch = b.reserve(16 * (block * (c * wide + 32) + 4 * c * x.itemsize))
    source = b.last(x.dtype.name, x.shape)
    words = Window(3, 3, pad_top=pad[0], pad_left=pad[1]).words
    _product(b, (57, 58, 59), source, target, pack_points(w), window=words, layer=layer, scratch=scratch)
    return b.build([source], [target])


def dense(x: np.ndarray, w: np.ndarray, layer: Layer) -> bytes:
    """dense of x [..., K] and w [M][K]."""
    b, (m, k) = PlanBuilder(), w.shape
    target = b.tensor(x.dtype.name, (*x.shape[:-1], m))
    scratch = b.reserve(matrix_scratch(x.dtype.name, x.size // k, k))
    source = b.last(x.dtype.name, x.shape)
    _product(b, (5, 6, 25), source, target, pack_columns(w), window=(), layer=layer, scratch=scratch)
    return b.build([source], [target])


def _product(b, codes, source, target, packed, *, window, layer, scratch) -> None:
    w, bias = b.constant(packed, (packed.size,)), b.constant(pad_channels(layer.bias))
    if packed.dtype == np.float32:
        b.op(codes[0], source, w, bias, target, *window, float(layer.low), float(layer.high), scratch)
        return
    mult = b.constant(layer.packed_mult)
    zeros = (layer.x_zero, layer.y_zero, int(layer.low), int(layer.high))
    b.op(codes[2 if layer.q8 else 1], source, w, bias, mult, target, *window, *zeros, scratch)


def unary(code: int, x: np.ndarray, dtype: str, dims: Sequence[int], *parameters, in_place: bool = False) -> bytes:
    """An op of the form x, y, parameters."""
    b = PlanBuilder()
    if in_place:
        source, target = b.tensor(x.dtype.name, x.shape), b.tensor(dtype, dims, at=0)
    else:
        target, source = b.tensor(dtype, dims), b.last(x.dtype.name, x.shape)
    b.op(code, source, target, *parameters)
    return b.build([source], [target])


def add(code: int, a: np.ndarray, b_values: np.ndarray, *parameters, constant: bool = False) -> bytes:
    b = PlanBuilder()
    left = b.tensor(a.dtype.name, a.shape)
    right = b.constant(b_values) if constant else b.tensor(a.dtype.name, b_values.shape)
    target = b.tensor(a.dtype.name, a.shape)
    b.op(code, left, right, target, *parameters)
    return b.build([left] if constant else [left, right], [target])


@dataclass(frozen=True)
class Recurrence:
    """x [T][B][G][H], h [B][H] and r [G][H][H] of a recurrent layer."""

    x: np.ndarray
    h: np.ndarray
    r: np.ndarray
    reverse: bool = False

    @property
    def lanes(self) -> int:
        return r8(self.h.shape[1])

    def build(self, code: int, y, parameters, *, also=()) -> bytes:
        """`parameters` are what follows x and h: "r" and "y" are known, an array is a tensor in the weights."""
        b, gates = PlanBuilder(), len(self.r)
        target = b.tensor("float32", y)
        scratch = b.reserve(gates * self.lanes * 4)
        given = [b.tensor("float32", a.shape) for a in (self.h, *also)]
        source = b.last("float32", (*self.x.shape[:2], gates * self.lanes))
        r = np.zeros((gates, self.lanes, self.h.shape[1]), np.float32)
        r[:, : self.h.shape[1]] = self.r
        known = {"r": b.constant(pack_columns(r.reshape(-1, r.shape[2]))), "y": target}
        words = [b.constant(w) if isinstance(w, np.ndarray) else known.get(w, w) for w in parameters]
        b.op(code, source, *given, *words, int(self.reverse), *((-INF, INF) if code == 42 else ()), scratch)
        return b.build([source, *given], [target])

    @property
    def inputs(self) -> list[np.ndarray]:
        """x as the plan takes it, with what is to be ignored, and h."""
        return [np.ascontiguousarray(np.pad(self.x, lanes_of(self.x), constant_values=7)), self.h]


def lanes_of(gates: np.ndarray) -> list[tuple[int, int]]:
    return [(0, 0)] * (gates.ndim - 1) + [(0, r8(gates.shape[-1]) - gates.shape[-1])]


def lstm(of: Recurrence, c: np.ndarray, peepholes: np.ndarray) -> bytes:
    size = of.h.size
    return of.build(42, (-(-size // 4) * 4 + len(of.x) * size,), ["r", pad_channels(peepholes), "y"], also=[c])


def gru(of: Recurrence, bias: np.ndarray, *, linear: bool) -> bytes:
    return of.build(43, (len(of.x), *of.h.shape), ["r", pad_channels(bias), "y", int(linear)])


def rnn(of: Recurrence, function: int) -> bytes:
    return of.build(52, (len(of.x), *of.h.shape), ["r", "y", function])


def lstm_q8(x: np.ndarray, cells: int, *, clip: int = 0) -> bytes:
    """lstm_q8 of x [T][B][K], all weights 1."""
    b, (steps, batch, inputs), lanes = PlanBuilder(), x.shape, r8(cells)
    size = batch * cells
    target = b.tensor("int8", (-(-2 * size // 16) * 16 + steps * size,))
    scratch = b.reserve(-(-2 * inputs // 16) * 16 + -(-2 * cells // 16) * 16 + 8 * lanes)
    c, h = b.tensor("int8", (batch, cells, 2)), b.tensor("int8", (batch, cells))
    source = b.last("int8", x.shape)
    w, r = (b.constant(np.ones((4 * lanes, n + n % 2), np.int8)) for n in (inputs, cells))
    bias, mult = b.constant(np.zeros((2, 4 * lanes), np.int32)), b.constant(np.repeat(np.int32([2**30, -3]), 16))
    b.op(44, source, h, c, w, r, bias, mult, target, 4, clip, 0, scratch)
    return b.build([source, h, c], [target])


def skipping(x: np.ndarray, expected: int, count: int) -> bytes:
    """x, clamped twice; a condition says whether `count` of that is left out."""
    b = PlanBuilder()
    cond, left_out = b.tensor("uint8", ()), b.tensor("int32", ())
    source, target = b.tensor("float32", x.shape), b.tensor("float32", x.shape)
    b.op(49, cond, left_out, expected, count)
    b.op(13, source, target, 0.0, INF)
    b.op(13, target, target, -INF, 1.0)
    return b.build([cond, source], [target])


def accumulate(first: np.ndarray) -> bytes:
    """The sum of all inputs so far and `first`, f32."""
    b = PlanBuilder()
    total = b.state(first)
    x, y = b.tensor("float32", first.shape), b.tensor("float32", first.shape)
    b.op(7, total, x, total, -INF, INF)
    b.op(22, total, y)
    return b.build([x], [y])


def softmax_q8(x: np.ndarray, table: np.ndarray, *, in_place: bool = False) -> bytes:
    b = PlanBuilder()
    source = b.last("int8", x.shape)
    target = source if in_place else b.tensor("int8", x.shape)
    b.op(28, source, target, b.constant(table))
    return b.build([source], [target])


@dataclass(frozen=True)
class Columns:
    """Weights of a dynamic product: i8 [M][K] as they are packed, the zero point of each column, and the extras."""

    w: np.ndarray
    zeros: np.ndarray
    extras: np.ndarray
    narrow: int = 0

    @property
    def whole(self) -> np.ndarray:
        """The weights less their zero points."""
        whole = self.w.astype(np.int64) - self.zeros[:, None]
        np.add.at(whole, (self.extras[:, 0], self.extras[:, 1]), self.extras[:, 2])
        return whole

    def words(self, b: PlanBuilder, rows: int) -> tuple[int, ...]:
        m, k = self.w.shape
        k4 = -(-k // 4) * 4
        full = np.zeros((r8(m), k4), np.int8)
        full[:m, :k] = self.w
        quads = full.reshape(-1, 8, k4 // 4, 4).transpose(0, 2, 1, 3)
        sums = pad_channels(self.whole.sum(axis=1).astype(np.int32))
        constants = (quads, sums, pad_channels(self.zeros.astype(np.int32)), self.extras.astype(np.int32))
        scratch = b.reserve(_block(rows) * k4 * 2 + (_block(rows) + r8(m)) * 4)
        packed = b.constant(quads, (quads.size,))
        return packed, *(b.constant(c) for c in constants[1:]), self.narrow, scratch


def dense_dynamic(x, steps, columns: Columns, layer: Layer, scales: np.ndarray) -> bytes:
    """dense_dynamic of i8 x [..., K] under the range `steps`."""
    b, m = PlanBuilder(), len(columns.w)
    target, of = b.tensor("float32", (*x.shape[:-1], m)), b.tensor("float32", (2,))
    weights = columns.words(b, x.size // x.shape[-1])
    source = b.last("int8", x.shape)
    ends = (b.constant(pad_channels(scales)), b.constant(pad_channels(layer.bias)))
    b.op(48, source, of, *ends, target, float(layer.low), float(layer.high), *weights)
    return b.build([source, of], [target])


def dense_integer(x, columns: Columns) -> bytes:
    """dense_i8_i32 of i8 x [..., K] and a zero point."""
    b = PlanBuilder()
    target, zero = b.tensor("int32", (*x.shape[:-1], len(columns.w))), b.tensor("int8", ())
    weights = columns.words(b, x.size // x.shape[-1])
    source = b.last("int8", x.shape)
    b.op(54, source, zero, target, *weights)
    return b.build([source, zero], [target])


def dynamic_quantize(x: np.ndarray) -> bytes:
    """The range of x, and x quantized by it."""
    b = PlanBuilder()
    steps, target, source = b.tensor("float32", (2,)), b.tensor("int8", x.shape), b.last("float32", x.shape)
    b.op(46, source, steps)
    b.op(47, source, steps, target)
    return b.build([source], [target, steps])


def layer_norm(x, gamma, beta, epsilon: float, centred: int, *, in_place: bool = False) -> bytes:
    b = PlanBuilder()
    if in_place:
        source, target = b.tensor("float32", x.shape), b.tensor("float32", x.shape, at=0)
    else:
        target, source = b.tensor("float32", x.shape), b.last("float32", x.shape)
    b.op(50, source, b.constant(gamma), b.constant(beta), target, epsilon, centred)
    return b.build([source], [target])


@dataclass(frozen=True)
class Matrices:
    """Where batches of matrices lie in an operand: strides of the four batch axes, and of rows and columns."""

    batch: tuple[int, int, int, int]
    row: int
    column: int
    first: int = 0


def matmul(a, b_values, sizes, shape, places, dims, scale=1.0) -> bytes:
    """matmul of `sizes` batches of `shape` (m, n, k); `places` of a, b and y, and the dims of y."""
    b, (m, n, k) = PlanBuilder(), shape
    target, left = b.tensor("float32", dims), b.tensor("float32", a.shape)
    scratch = b.reserve((r8(n) * (k + 1) + _block(m) * k) * 4)
    right = b.last("float32", b_values.shape)
    of_a, of_b, of_y = places
    batch = [word for i in range(4) for word in (sizes[i], of_a.batch[i], of_b.batch[i], of_y.batch[i])]
    at = (of_a.first, of_a.row, of_a.column, of_b.first, of_b.row, of_b.column, of_y.row)
    b.op(39, left, right, target, m, n, k, *batch, *at, scale, scratch)
    return b.build([left, right], [target])


@dataclass(frozen=True)
class Product:
    """Sizes and steps of matmul_q8, what its sums are multiplied by, and its zero points and bounds."""

    batch: int
    m: int
    n: int
    k: int
    a_step: int
    b_step: int
    b_row: int
    b_column: int
    factor: float | tuple[int, int]
    zeros: tuple[int, int, int] = (0, 0, 0)
    low: int = -128
    high: int = 127

    @property
    def factor_words(self) -> tuple[int, ...]:
        """Rounding and factor: multiplier and shift, or an f64."""
        words = self.factor if isinstance(self.factor, tuple) else np.array([self.factor]).view(np.int32)
        return (int(not isinstance(self.factor, tuple)), *(int(w) for w in words))


def matmul_q8(a: np.ndarray, b_values: np.ndarray, of: Product) -> bytes:
    b, wide, k4, block = PlanBuilder(), r8(of.n), -(-of.k // 4) * 4, _block(of.m)
    target, left = b.tensor("int8", (of.batch, of.m, of.n)), b.tensor("int8", a.shape)
    scratch = b.reserve(wide * k4 + wide * 4 + block * k4 * 2 + block * (of.n + 1) * 4)
    right = b.last("int8", b_values.shape)
    words = (of.batch, of.m, of.n, of.k, of.a_step, of.b_step, of.b_row, of.b_column, *of.factor_words)
    b.op(70, left, right, target, *words, *of.zeros, of.low, of.high, scratch)
    return b.build([left, right], [target])


def concat(arrays: Sequence[np.ndarray], axis: int) -> bytes:
    b = PlanBuilder()
    sources = [b.tensor(a.dtype.name, a.shape) for a in arrays]
    target = b.tensor(arrays[0].dtype.name, np.concatenate(arrays, axis).shape)
    b.op(21, target, axis, len(arrays), *sources)
    return b.build(sources, [target])


@dataclass(frozen=True)
class Forest:
    """The tables of tree_ensemble: roots [trees], nodes [n][2], leaves [entries][2], base [targets] f64."""

    roots: np.ndarray
    nodes: np.ndarray
    leaves: np.ndarray
    base: np.ndarray
    bits: int
    aggregate: int = 0
    divisor: int = 1


def tree_ensemble(x: np.ndarray, forest: Forest) -> bytes:
    """Trees over x [..., F]."""
    b, targets = PlanBuilder(), len(forest.base)
    target = b.tensor("float32", (*x.shape[:-1], targets))
    scratch = b.reserve(targets * 8)
    source = b.last("float32", x.shape)
    tables = (forest.roots, forest.nodes, forest.leaves, forest.base.reshape(-1, 1))
    indices = [b.constant(np.ascontiguousarray(t).view(np.int32)) for t in tables]
    b.op(45, source, *indices, target, forest.bits, forest.aggregate, forest.divisor, scratch)
    return b.build([source], [target])


def many(
    code: int, operands: Sequence[np.ndarray], dtype: str, dims: Sequence[int], *parameters, onto: int = -1
) -> bytes:
    """An op of operands, y, parameters; y may lie on operand `onto`."""
    b = PlanBuilder()
    sources = [b.last(x.dtype.name, x.shape) for x in operands]
    target = b.tensor(dtype, dims) if onto < 0 else sources[onto]
    b.op(code, *sources, target, *parameters)
    return b.build(sources, [target])


def lookup(x: np.ndarray, table: np.ndarray) -> bytes:
    b = PlanBuilder()
    target, source = b.tensor(table.dtype.name, x.shape), b.last(x.dtype.name, x.shape)
    b.op(29, source, target, b.constant(table))
    return b.build([source], [target])


def gather(x: np.ndarray, indices: np.ndarray, axis: int, dims: Sequence[int], *, constant: bool = False) -> bytes:
    b = PlanBuilder()
    source, target = b.tensor(x.dtype.name, x.shape), b.tensor(x.dtype.name, dims)
    places = b.constant(indices) if constant else b.tensor("int32", indices.shape)
    b.op(36, source, places, target, axis)
    return b.build([source] if constant else [source, places], [target])


def resample(x: np.ndarray, index: np.ndarray, weight: np.ndarray, axis: int) -> bytes:
    b = PlanBuilder()
    length, taps = index.shape
    target = b.tensor("float32", (*x.shape[:axis], length, *x.shape[axis + 1 :]))
    source = b.last("float32", x.shape)
    b.op(40, source, b.constant(index), b.constant(weight), target, axis, taps)
    return b.build([source], [target])


def coupling(x: np.ndarray, classes: int) -> bytes:
    """Pairs x [..., C * (C - 1) / 2] to classes."""
    b = PlanBuilder()
    target = b.tensor("float32", (*x.shape[:-1], classes))
    scratch = b.reserve((classes * classes + 2 * classes) * 8)
    source = b.last("float32", x.shape)
    b.op(56, source, target, scratch)
    return b.build([source], [target])


def bilinear(x: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> bytes:
    b = PlanBuilder()
    target = b.tensor("int8", (x.shape[0], len(rows), len(columns), x.shape[3]))
    source = b.last("int8", x.shape)
    b.op(41, source, b.constant(rows), b.constant(columns), target)
    return b.build([source], [target])
