"""The arithmetic of plan.md in numpy, written from the text and not from the C: slow, rounded just where it says."""

import numpy as np

from .plans import Forest, Layer, Window

F = np.float32


def narrow(v: np.ndarray, y_zero: int, low: int, high: int) -> np.ndarray:
    rounded = np.nan_to_num(np.rint(v.astype(np.float64)), nan=0.0, posinf=2**31 - 1, neginf=-(2**31))
    whole = np.clip(rounded, -(2**31), 2**31 - 1).astype(np.int64)
    return np.clip(whole + y_zero, low, high).astype(np.int8)


def taps(x: np.ndarray, window: Window, out: tuple[int, int], outside) -> list[np.ndarray]:
    """For every tap (ky, kx), what all output pixels read: [N][OH][OW][C]."""
    _, h, w, _ = x.shape
    read = []
    for ky in range(window.kh):
        for kx in range(window.kw):
            iy = np.arange(out[0]) * window.stride_h + ky * window.dilation_h - window.pad_top
            ix = np.arange(out[1]) * window.stride_w + kx * window.dilation_w - window.pad_left
            inside = ((iy >= 0) & (iy < h))[:, None] & ((ix >= 0) & (ix < w))[None, :]
            values = x[:, np.clip(iy, 0, h - 1)][:, :, np.clip(ix, 0, w - 1)]
            read.append(np.where(inside[None, :, :, None], values, np.asarray(outside, x.dtype)))
    return read


def finish(acc: np.ndarray, layer: Layer) -> np.ndarray:
    if acc.dtype == np.float32:
        return np.minimum(np.maximum(acc + layer.bias, F(layer.low)), F(layer.high))
    whole = wrapped(acc + layer.bias.astype(np.int64))
    if layer.shift is not None:
        return ended(scaled(whole, layer.mult, layer.shift), layer.y_zero, layer.low, layer.high)
    if layer.q8:
        with np.errstate(over="ignore", invalid="ignore"):
            whole = nearest(whole * layer.mult)
        return ended(whole, layer.y_zero, layer.low, layer.high)
    factor, offset, centre = layer.mult if layer.mult.ndim == 2 else (layer.mult, F(0), 0)
    real = whole.astype(F)
    moved = real + np.where(offset > 0, np.where(real < 0, -offset, offset), offset).astype(F)
    with np.errstate(over="ignore"):
        return narrow(moved * factor, layer.y_zero + np.int64(centre), int(layer.low), int(layer.high))


def wrapped(v: np.ndarray) -> np.ndarray:
    return (v + 2**31) % 2**32 - 2**31


def high(a, m) -> np.ndarray:
    return (np.asarray(a, np.int64) * m + 2**30) // 2**31


def shifted(v, by) -> np.ndarray:
    """Halves away from zero, on the absolute value."""
    power = np.int64(2) ** by
    return np.sign(v) * ((2 * np.abs(v) + power) // (2 * power))


def scaled(v, mult, shift) -> np.ndarray:
    shift = np.asarray(shift, np.int64)
    left = wrapped(np.asarray(v, np.int64) * 2 ** np.maximum(shift, 0))
    return shifted(high(left, np.asarray(mult, np.int64)), np.maximum(-shift, 0))


def nearest(v: np.ndarray) -> np.ndarray:
    """f64 to integers, halves away from zero, saturated."""
    half = np.abs(v - np.trunc(v)) == 0.5
    rounded = np.where(half, np.trunc(v) + np.sign(v), np.rint(v))
    return np.clip(rounded, -(2**31), 2**31 - 1).astype(np.int64)


def ended(v, y_zero, low, high) -> np.ndarray:
    return np.clip(wrapped(v + y_zero), int(low), int(high)).astype(np.int8)


def product(columns: np.ndarray, w: np.ndarray, layer: Layer) -> np.ndarray:
    """columns [..., K] times w [M][K], K in order."""
    wide = np.float32 if columns.dtype == np.float32 else np.int64
    acc = np.zeros((*columns.shape[:-1], len(w)), wide)
    for k in range(w.shape[1]):
        acc = acc + columns[..., k, None].astype(wide) * w[:, k].astype(wide)
    return finish(acc, layer)


def conv2d(x, w, window, out, layer: Layer) -> np.ndarray:
    columns = np.concatenate(taps(x, window, out, layer.x_zero), axis=-1)
    return product(columns, w.reshape(len(w), -1), layer)


def winograd_f32(x, w, pad, out, layer: Layer) -> np.ndarray:
    """By tiles of 2x2, in f32. In i8 a winograd op gives what conv2d gives."""
    n, (high, wide) = len(x), (-(-out[0] // 2), -(-out[1] // 2))
    g = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
    points = np.einsum("ik,mklc,jl->ijcm", g, w.astype(np.float64), g).astype(F)
    pixels = taps(x, Window(4, 4, 2, 2, pad_top=pad[0], pad_left=pad[1]), (high, wide), 0)
    patch = [pixels[4 * i : 4 * i + 4] for i in range(4)]
    rows = [around([patch[i][j] for i in range(4)]) for j in range(4)]  # of every column
    inner = [around([rows[j][i] for j in range(4)]) for i in range(4)]
    sums = [[np.zeros((n, high, wide, len(w)), F) for _ in range(4)] for _ in range(4)]
    for i in range(4):
        for j in range(4):
            for c in range(x.shape[3]):
                sums[i][j] = sums[i][j] + inner[i][j][..., c, None] * points[i, j, c]
    down = [inward([sums[i][j] for i in range(4)]) for j in range(4)]
    y = np.zeros((n, 2 * high, 2 * wide, len(w)), F)
    for i in range(2):
        y[:, i::2, 0::2], y[:, i::2, 1::2] = inward([down[j][i] for j in range(4)])
    return finish(y[:, : out[0], : out[1]], layer)


def around(v: list[np.ndarray]) -> list[np.ndarray]:
    return [v[0] - v[2], v[1] + v[2], v[2] - v[1], v[1] - v[3]]


def inward(v: list[np.ndarray]) -> list[np.ndarray]:
    return [v[0] + v[1] + v[2], v[1] - v[2] - v[3]]


def depthwise(x, w, window, out, layer: Layer) -> np.ndarray:
    wide = np.float32 if x.dtype == np.float32 else np.int64
    read = taps(x, window, out, layer.x_zero)
    acc = np.zeros(read[0].shape, wide)
    for values, weights in zip(read, w.reshape(len(read), -1), strict=True):
        acc = acc + values.astype(wide) * weights.astype(wide)
    return finish(acc, layer)


def _inside(x, window, out) -> np.ndarray:
    return np.stack(taps(np.ones(x.shape, np.int8), window, out, 0)).astype(bool)


def max_pool(x, window, out) -> np.ndarray:
    least = -np.inf if x.dtype == np.float32 else -128
    return np.stack(taps(x, window, out, least)).max(axis=0)


def average_pool(x, window, out, count_padding, quantized=None) -> np.ndarray:
    inside = _inside(x, window, out)
    count = F(window.kh * window.kw) if count_padding else inside.sum(axis=0).astype(F)
    if quantized is None:
        wide = np.float64 if window.kh * window.kw > 64 else F
        acc = np.zeros(inside.shape[1:], wide)
        for values in taps(x, window, out, 0):
            acc = acc + values
        return (acc / count.astype(wide)).astype(F) if np.ndim(count) else (acc / wide(count)).astype(F)
    x_zero, mult, y_zero, low, high = quantized
    total = (np.stack(taps(x, window, out, x_zero)).astype(np.int64) - x_zero).sum(axis=0)
    return narrow(total.astype(F) * (F(mult) / count), y_zero, low, high)


def add_i8(a, b, *parameters) -> np.ndarray:
    a_mult, b_mult, a_zero, b_zero, y_zero, low, high = parameters
    left = (a.astype(np.int32) - a_zero).astype(F) * F(a_mult)
    right = (b.astype(np.int32) - b_zero).astype(F) * F(b_mult)
    return narrow(left + right, y_zero, low, high)


def add_linear_i8(a, b, *parameters) -> np.ndarray:
    a_factor, b_factor, offset, shift, low, high = parameters
    total = a.astype(np.int64) * a_factor + b.astype(np.int64) * b_factor + offset
    return np.clip(total // 2**shift, low, high).astype(np.int8)


def average_pool_q8(x, window, out, low, high) -> np.ndarray:
    count = _inside(x, window, out).sum(axis=0)
    total = np.stack(taps(x, window, out, 0)).astype(np.int64).sum(axis=0)
    away = np.sign(total) * ((2 * np.abs(total) + count) // (2 * count))  # an odd count has no halves
    return np.clip(away, low, high).astype(np.int8)


def binary_q8(name: str, a, b, factors, zeros, low: int, high: int) -> np.ndarray:
    """`factors` are the pairs of a, b and y, `zeros` their zero points."""
    a, b = (v.astype(np.int64) - zero for v, zero in zip((a, b), zeros, strict=False))
    of_a, of_b, of_y = (lambda v, f=f: scaled(v, *f) for f in factors)
    unit = 2**7 if name == "squared_difference" else 2**20
    difference = wrapped(of_a(a * unit) - of_b(b * unit))
    value = {
        "add": lambda: of_y(wrapped(of_a(a * unit) + of_b(b * unit))),
        "sub": lambda: of_y(difference),
        "mul": lambda: of_y(a * b),
        "squared_difference": lambda: of_y(wrapped(difference * difference)),
        "prelu": lambda: np.where(a < 0, of_y(a * b), of_a(a + 0 * b)),
        "max": lambda: np.maximum(a, b),
        "min": lambda: np.minimum(a, b),
    }[name]()
    return ended(value, zeros[2], low, high)


def l2_norm_q8(x: np.ndarray, x_zero: int) -> np.ndarray:
    """One row at a time, in integers without bounds but where the format has some."""
    centred = x.reshape(-1, x.shape[-1]).astype(np.int64) - x_zero
    rows = [scaled(row, m, s + 7) for row in centred for m, s in [_inverse_root(int((row * row).sum()))]]
    return ended(np.array(rows), 0, -128, 127).reshape(x.shape)


def _inverse_root(v: int) -> tuple[int, int]:
    if v <= 1:
        return 2**31 - 1, 0
    s = -11
    while v >= 2**29:
        v, s = v // 4, s - 1
    while v < 2**27:
        v, s = v * 4, s + 1
    r, half = 2**28, (v // 2 + 1) // 2
    for _ in range(5):
        cube = min(64 * _high(_high(r, r), r), 2**31 - 1)
        r = max(-(2**31), min(8 * (_high(3 * 2**27, r) - _high(half, cube)), 2**31 - 1))
    return _high(r, 1518500250), s


def _high(a: int, m: int) -> int:
    return (a * m + 2**30) // 2**31


def softmax_q8(x: np.ndarray, table: np.ndarray) -> np.ndarray:
    """One value at a time, in integers without bounds."""
    y = np.empty(x.shape, np.int8)
    for row, to in zip(x.reshape(-1, x.shape[-1]).tolist(), y.reshape(-1, x.shape[-1]), strict=True):
        e = [int(table[max(row) - v]) for v in row]
        total = sum((v + 2**11) >> 12 for v in e)
        z = 32 - total.bit_length()
        half = (total << z) // 2
        r = 1515870810 + int(high(half, -1010580540))
        for _ in range(3):
            r += int(high(r, 2**29 - int(high(half, r)))) * 4
        r = min(r * 2, 2**31 - 1)
        to[:] = [min(int(shifted(int(high(r, v)), 35 - z)) - 128, 127) for v in e]
    return y


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp((x - x.max(axis=-1, keepdims=True)).astype(np.float64))  # the difference is rounded to f32
    return e / e.sum(axis=-1, keepdims=True)


def tree_ensemble(x: np.ndarray, forest: Forest) -> np.ndarray:
    """One row and one tree at a time, sums in f64 (which Python's floats are)."""
    y = np.empty((x.size // x.shape[-1], len(forest.base)), F)
    for row, out in zip(x.reshape(len(y), -1), y, strict=True):
        found: dict[int, list[float]] = {}
        for root in forest.roots.tolist():
            entry = _leaf(row, forest, root)
            ended = False
            while not ended:
                target, weight = forest.leaves[entry].tolist()
                found.setdefault(target % 2**31, []).append(float(np.uint32(weight).view(F)))
                ended, entry = target >= 2**31, entry + 1
        for target, base in enumerate(forest.base.tolist()):
            out[target] = _aggregated(found.get(target, [0.0]), forest.aggregate) / forest.divisor + base
    return y.reshape(*x.shape[:-1], -1)


def _aggregated(weights: list[float], aggregate: int) -> float:
    if aggregate:
        return min(weights) if aggregate == 1 else max(weights)
    return _in_order(weights)


def _leaf(row: np.ndarray, forest: Forest, at: int) -> int:
    while forest.nodes[at, 1]:
        word = int(forest.nodes[at, 1])
        value, threshold = row[word % 2**forest.bits // 2], forest.nodes[at, 0].view(F)
        left = word % 2 == 1 if np.isnan(value) else value <= threshold
        at += (word >> forest.bits) + (0 if left else 1)
    return int(forest.nodes[at, 0])


def coupling(x: np.ndarray, classes: int) -> np.ndarray:
    """One number at a time."""
    y = np.empty((len(x), classes), F)
    for row, to in zip(x.astype(np.float64).tolist(), y, strict=True):
        pairs, r = iter(row), np.zeros((classes, classes))
        for i in range(classes):
            for j in range(i + 1, classes):
                r[i, j] = next(pairs)
                r[j, i] = 1 - r[i, j]
        to[:] = _coupled(r.tolist(), classes)
    return y


def _coupled(r: list[list[float]], classes: int) -> list[float]:
    others = [[j for j in range(classes) if j != i] for i in range(classes)]
    q = [[-r[j][i] * r[i][j] for j in range(classes)] for i in range(classes)]
    for i in range(classes):
        q[i][i] = _in_order(r[j][i] * r[j][i] for j in others[i])
    p = [1 / classes] * classes
    for _ in range(max(100, classes)):
        slope = [_in_order(q[i][j] * p[j] for j in range(classes)) for i in range(classes)]
        total = _in_order(p[i] * slope[i] for i in range(classes))
        if all(abs(s - total) < 0.005 / classes for s in slope):
            break
        for i in range(classes):
            d = (total - slope[i]) / q[i][i]
            p[i] += d
            total = (total + d * (d * q[i][i] + 2 * slope[i])) / (1 + d) / (1 + d)
            slope = [(s + d * a) / (1 + d) for s, a in zip(slope, q[i], strict=True)]
            p = [v / (1 + d) for v in p]
    return p


def _in_order(terms) -> float:
    """sum() of Python is more exact than f64 additions."""
    total = 0.0
    for term in terms:
        total += term
    return total
