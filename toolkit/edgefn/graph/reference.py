"""A numpy evaluation of a plan: the oracle of the C engine, with the arithmetic of docs/spec/plan.md.

Slow, and meant to be. It runs on a byte arena as the engine does and spoils an op's scratch before the op, so a
wrong memory plan shows in its results.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph import pack
from edgefn.graph.plan import Plan, PlanOp, PlanTensor
from edgefn.graph.rules import scratch_bytes

__all__ = ["evaluate"]

type Array = NDArray[Any]

_DTYPES: dict[str, np.dtype[Any]] = {
    "f32": np.dtype("<f4"),
    "i8": np.dtype(np.int8),
    "u8": np.dtype(np.uint8),
    "i32": np.dtype("<i4"),
}


def evaluate(plan: Plan, inputs: Sequence[Array]) -> list[Array]:
    """Return outputs of a plan that `read_plan` accepted, for inputs of its dtypes and shapes."""
    machine = _Machine(plan)
    for index, value in zip(plan.inputs, inputs, strict=True):
        machine.write(plan.tensors[index], value)
    for op in plan.ops:
        machine.run(op)
    return [machine.read(plan.tensors[index]).copy() for index in plan.outputs]


class _Machine:
    """Arena and weights; `x("w")` reads the tensor that is an op's parameter."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.arena = np.full(plan.arena_bytes, 0xA5, np.uint8)
        self.weights = np.frombuffer(plan.weights, np.uint8)

    def raw(self, t: PlanTensor) -> Array:
        region = self.arena if t.place == "arena" else self.weights
        return region[t.offset : t.offset + t.nbytes]

    def read(self, t: PlanTensor) -> Array:
        return self.raw(t).view(_DTYPES[t.dtype]).reshape(t.dims)

    def write(self, t: PlanTensor, value: Array) -> None:
        self.read(t)[...] = np.asarray(value, _DTYPES[t.dtype]).reshape(t.dims)

    def tensor(self, op: PlanOp, name: str) -> PlanTensor:
        return self.plan.tensors[int(op[name])]

    def get(self, op: PlanOp, name: str) -> Array:
        return self.read(self.tensor(op, name))

    def run(self, op: PlanOp) -> None:
        if "scratch" in op:
            self._spoil(op)
        with np.errstate(all="ignore"):
            value = _OPS[op.code.name](self, op)
        self.write(self.tensor(op, "y"), value)

    def _spoil(self, op: PlanOp) -> None:
        y, x = self.tensor(op, "y"), self.tensor(op, "x")
        taps = op["kh"] * op["kw"] if "kh" in op else 1
        m = y.dims[-1]
        size = scratch_bytes(op.code.name, rows=y.size // m, k=taps * x.dims[-1], taps=taps, channels=m)
        self.arena[op["scratch"] : op["scratch"] + size] = 0x5A


def _saturate(v: Array, zero: int, low: int, high: int) -> Array:
    """`round_half_to_even(v) + zero`, clamped; `v` is f32 and may be infinite."""
    rounded = np.clip(np.rint(v.astype(np.float64)), -(2.0**31), 2.0**31 - 1)
    return np.asarray(np.clip(rounded + zero, low, high))


def _clamp(v: Array, op: PlanOp) -> Array:
    return np.minimum(np.maximum(v, np.float32(op["low"])), np.float32(op["high"]))


def _taps(op: PlanOp, x: Array, y: PlanTensor, fill: float) -> Array:
    """Return what every output position reads: `[N, OH, OW, kh * kw, C]`."""
    (kh, kw), (sh, sw) = (op["kh"], op["kw"]), (op["stride_h"], op["stride_w"])
    dh, dw = (op["dilation_h"], op["dilation_w"]) if "dilation_h" in op else (1, 1)
    _, oh, ow, _ = y.dims
    below = max(0, (oh - 1) * sh + (kh - 1) * dh + 1 - x.shape[1] - op["pad_top"])
    right = max(0, (ow - 1) * sw + (kw - 1) * dw + 1 - x.shape[2] - op["pad_left"])
    pads = ((0, 0), (op["pad_top"], below), (op["pad_left"], right), (0, 0))
    wide = np.pad(x, pads, constant_values=fill)
    parts = [
        wide[:, i * dh : i * dh + (oh - 1) * sh + 1 : sh, j * dw : j * dw + (ow - 1) * sw + 1 : sw]
        for i in range(kh)
        for j in range(kw)
    ]
    return np.stack(parts, axis=3)


def _sum_f32(columns: Array, w: Array, bias: Array) -> Array:
    """`columns` `[rows, K]` by `w` `[K, M]`, added in the order of K, every product and sum rounded."""
    total = np.zeros((len(columns), w.shape[1]), np.float32)
    for k in range(len(w)):
        total += columns[:, k, None] * w[k]
    return total + bias


def _finish_i8(m: _Machine, op: PlanOp, products: Array) -> Array:
    """Exact sums `[..., M]` to i8."""
    count = products.shape[-1]
    bias, mult = _vector(m, op, "bias", count), _vector(m, op, "mult", count)
    total = (products.astype(np.int64) + bias).astype(np.int32)
    return _saturate(total.astype(np.float32) * mult, op["y_zero"], op["low"], op["high"])


def _vector(m: _Machine, op: PlanOp, name: str, count: int) -> Array:
    t = m.tensor(op, name)
    return m.raw(t).view(_DTYPES[t.dtype])[:count]


def _conv_f32(m: _Machine, op: PlanOp) -> Array:
    y = m.tensor(op, "y")
    columns = _taps(op, m.get(op, "x"), y, 0)
    columns = columns.reshape(-1, columns.shape[3] * columns.shape[4])
    w = pack.unpack_matrix_f32(m.raw(m.tensor(op, "w")).tobytes(), y.dims[3], columns.shape[1])
    return _clamp(_sum_f32(columns, w.T, _vector(m, op, "bias", y.dims[3])), op)


def _conv_i8(m: _Machine, op: PlanOp) -> Array:
    y = m.tensor(op, "y")
    columns = _taps(op, m.get(op, "x"), y, op["x_zero"])
    columns = columns.reshape(-1, columns.shape[3] * columns.shape[4])
    w = pack.unpack_matrix_i8(m.raw(m.tensor(op, "w")).tobytes(), y.dims[3], columns.shape[1])
    return _finish_i8(m, op, columns.astype(np.float64) @ w.T.astype(np.float64))


def _depthwise_f32(m: _Machine, op: PlanOp) -> Array:
    y = m.tensor(op, "y")
    taps = _taps(op, m.get(op, "x"), y, 0)
    w = pack.unpack_depthwise(m.raw(m.tensor(op, "w")).tobytes(), taps.shape[3], y.dims[3], "<f4")
    total = np.zeros(y.dims, np.float32)
    for k in range(len(w)):
        total += taps[:, :, :, k] * w[k]
    return _clamp(total + _vector(m, op, "bias", y.dims[3]), op)


def _depthwise_i8(m: _Machine, op: PlanOp) -> Array:
    y = m.tensor(op, "y")
    taps = _taps(op, m.get(op, "x"), y, op["x_zero"])
    w = pack.unpack_depthwise(m.raw(m.tensor(op, "w")).tobytes(), taps.shape[3], y.dims[3], np.int8)
    return _finish_i8(m, op, (taps.astype(np.int64) * w).sum(axis=3))


def _dense_f32(m: _Machine, op: PlanOp) -> Array:
    x, count = m.get(op, "x"), m.tensor(op, "y").dims[-1]
    w = pack.unpack_matrix_f32(m.raw(m.tensor(op, "w")).tobytes(), count, x.shape[-1])
    return _clamp(_sum_f32(x.reshape(-1, x.shape[-1]), w.T, _vector(m, op, "bias", count)), op)


def _dense_i8(m: _Machine, op: PlanOp) -> Array:
    x, count = m.get(op, "x"), m.tensor(op, "y").dims[-1]
    w = pack.unpack_matrix_i8(m.raw(m.tensor(op, "w")).tobytes(), count, x.shape[-1])
    return _finish_i8(m, op, x.reshape(-1, x.shape[-1]).astype(np.float64) @ w.T.astype(np.float64))


def _second(m: _Machine, op: PlanOp) -> Array:
    """Operand b as a whole, as a vector of the last dimension, or as one element."""
    a, b = m.get(op, "a"), m.get(op, "b")
    return b.reshape(a.shape) if b.size == a.size else b.reshape(-1)


def _add_f32(m: _Machine, op: PlanOp) -> Array:
    return _clamp(m.get(op, "a") + _second(m, op), op)


def _add_i8(m: _Machine, op: PlanOp) -> Array:
    a = (m.get(op, "a").astype(np.int32) - op["a_zero"]).astype(np.float32) * np.float32(op["a_mult"])
    b = (_second(m, op).astype(np.int32) - op["b_zero"]).astype(np.float32) * np.float32(op["b_mult"])
    return _saturate(a + b, op["y_zero"], op["low"], op["high"])


def _counts(m: _Machine, op: PlanOp) -> Array:
    """Elements under every window: those inside the input, or all of them."""
    y = m.tensor(op, "y")
    inside = _taps(op, np.ones_like(m.get(op, "x"), np.float32), y, 0).sum(axis=3)
    return np.full_like(inside, op["kh"] * op["kw"]) if op["count_padding"] else inside


def _average_f32(m: _Machine, op: PlanOp) -> Array:
    taps = _taps(op, m.get(op, "x"), m.tensor(op, "y"), 0)
    total = np.zeros(m.tensor(op, "y").dims, np.float32)
    for k in range(taps.shape[3]):
        total += taps[:, :, :, k]
    return total / _counts(m, op)


def _average_i8(m: _Machine, op: PlanOp) -> Array:
    x = m.get(op, "x").astype(np.int64) - op["x_zero"]
    total = _taps(op, x, m.tensor(op, "y"), 0).sum(axis=3).astype(np.float32)
    return _saturate(total * (np.float32(op["mult"]) / _counts(m, op)), op["y_zero"], op["low"], op["high"])


def _max(m: _Machine, op: PlanOp) -> Array:
    x = m.get(op, "x")
    least = -np.inf if x.dtype.kind == "f" else -128
    return np.asarray(_taps(op, x, m.tensor(op, "y"), least).max(axis=3))


def _softmax(m: _Machine, op: PlanOp) -> Array:
    x = m.get(op, "x").astype(np.float64)
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _quantize(m: _Machine, op: PlanOp) -> Array:
    v = m.get(op, "x") * np.float32(op["inverse_scale"])
    return np.where(
        np.isnan(v), op["y_zero"], _saturate(np.nan_to_num(v, posinf=np.inf, neginf=-np.inf), op["y_zero"], -128, 127)
    )


def _dequantize(m: _Machine, op: PlanOp) -> Array:
    difference: Array = (m.get(op, "x").astype(np.int32) - op["x_zero"]).astype(np.float32)
    return difference * np.float32(op["scale"])


def _requantize(m: _Machine, op: PlanOp) -> Array:
    v = (m.get(op, "x").astype(np.int32) - op["x_zero"]).astype(np.float32) * np.float32(op["mult"])
    return _saturate(v, op["y_zero"], -128, 127)


def _flip_sign(m: _Machine, op: PlanOp) -> Array:
    y = m.tensor(op, "y")
    return (m.get(op, "x").view(np.uint8) ^ np.uint8(128)).view(_DTYPES[y.dtype])


def _transpose(m: _Machine, op: PlanOp) -> Array:
    x = m.get(op, "x")
    return x.transpose([op[f"p{i}"] for i in range(x.ndim)])


def _concat(m: _Machine, op: PlanOp) -> Array:
    return np.concatenate([m.read(m.plan.tensors[i]) for i in op.rest], axis=op["axis"])


_OPS: dict[str, Callable[[_Machine, PlanOp], Array]] = {
    "conv2d_f32": _conv_f32,
    "conv2d_i8": _conv_i8,
    "depthwise_f32": _depthwise_f32,
    "depthwise_i8": _depthwise_i8,
    "dense_f32": _dense_f32,
    "dense_i8": _dense_i8,
    "add_f32": _add_f32,
    "add_i8": _add_i8,
    "average_pool_f32": _average_f32,
    "average_pool_i8": _average_i8,
    "max_pool_f32": _max,
    "max_pool_i8": _max,
    "clamp_f32": lambda m, op: _clamp(m.get(op, "x"), op),
    "clamp_i8": lambda m, op: np.clip(m.get(op, "x"), op["low"], op["high"]),
    "softmax_f32": _softmax,
    "quantize_f32_i8": _quantize,
    "dequantize_i8_f32": _dequantize,
    "requantize_i8": _requantize,
    "flip_sign": _flip_sign,
    "transpose": _transpose,
    "concat": _concat,
    "copy": lambda m, op: m.get(op, "x"),
}
