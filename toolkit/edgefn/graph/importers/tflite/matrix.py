"""Operators with weights, CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED, and products of activations, BATCH_MATMUL."""

from dataclasses import replace
from math import prod

import numpy as np

from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.importers.tflite.windows import slide
from edgefn.graph.ir import Quantization, Tensor
from edgefn.graph.ops import Add, Conv2d, Dense, Depthwise, MatMul, Weighted

__all__ = ["batch_matmul", "conv_2d", "depthwise_conv_2d", "fully_connected"]


def conv_2d(call: Call) -> str:
    """`[N, H, W, C]` with weights `[M, kh, kw, C]`."""
    x, w = call.images(0), call.input(1)
    if len(w.shape) != 4 or w.shape[3] != x.shape[3]:
        call.refuse(f"input {x.shape} with weights {w.shape}; weights (M, kh, kw, {x.shape[3]}) are supported")
    window, size = slide(call, (w.shape[1], w.shape[2]), (x.shape[1], x.shape[2]), dilated=True)
    return _weighted(call, Conv2d(window), x, w, (x.shape[0], *size, w.shape[0]))


def depthwise_conv_2d(call: Call) -> str:
    """`[N, H, W, C]` with weights `[1, kh, kw, C]`; a single channel may have several outputs."""
    x, w = call.images(0), call.input(1)
    if len(w.shape) != 4 or w.shape[0] != 1 or w.shape[3] % x.shape[3]:
        call.malformed(f"input {x.shape} with weights {w.shape}")
    window, size = slide(call, (w.shape[1], w.shape[2]), (x.shape[1], x.shape[2]), dilated=True)
    shape = (x.shape[0], *size, w.shape[3])
    if w.shape[3] == x.shape[3]:
        return _weighted(call, Depthwise(window), x, w, shape)
    if x.shape[3] != 1:
        call.refuse(f"{w.shape[3]} outputs of {x.shape[3]} channels; one output a channel is supported")
    return _weighted(call, Conv2d(window), x, _outermost(call, w), shape)


def fully_connected(call: Call) -> str:
    """`[..., K]` by weights `[M, K]`; leading dimensions are rows."""
    if call.option("weights_format") != "DEFAULT":
        call.refuse(f"weights in the format {call.option('weights_format')}")
    x, w = call.numbers(0), call.input(1)
    if len(w.shape) != 2 or not x.shape or x.size % w.shape[1]:
        call.malformed(f"{x.shape} does not fit weights {w.shape} (outputs, inputs)")
    rows = call.scope.tensor(call.reshape(x.name, (x.size // w.shape[1], w.shape[1])))
    computed = w.constant is None and w.dtype == "f32"
    y = _computed(call, rows, w) if computed else _weighted(call, Dense(), rows, w, (rows.shape[0], w.shape[0]))
    return call.reshape(y, (*x.shape[:-1], w.shape[0]) if call.option("keep_num_dims") else (rows.shape[0], w.shape[0]))


def _computed(call: Call, x: Tensor, w: Tensor) -> str:
    """A dense layer whose weights are computed at run time."""
    y = _product(call, x, w, (False, True))
    if call.has(2):
        bias, shape = call.input(2), call.scope.tensor(y).shape
        if bias.dtype != "f32" or bias.shape != shape[1:]:
            call.refuse(f"a bias of {bias.dtype} {bias.shape}; f32 of {shape[1:]} is supported")
        y = call.emit(Add(), (y, bias.name), shape)
    return call.activated(y)


def batch_matmul(call: Call) -> str:
    """`[..., M, K]` by `[..., K, N]` in floats, each perhaps transposed."""
    a, b = call.input(0), call.input(1)
    if {a.dtype, b.dtype} != {"f32"}:
        call.refuse(f"{a.dtype} by {b.dtype}; f32 is supported")
    if len(a.shape) < 2 or len(b.shape) < 2:
        call.malformed(f"{a.shape} by {b.shape}")
    return _product(call, a, b, (call.option("adj_x"), call.option("adj_y")))


def _product(call: Call, a: Tensor, b: Tensor, transposed: tuple[bool, bool]) -> str:
    try:
        op = MatMul.of(a.shape, b.shape, transposed=transposed)
    except ValueError as error:
        call.malformed(f"{a.shape} by {b.shape}: {error}")
    return call.emit(op, (a.name, b.name), op.shape)


def _outermost(call: Call, w: Tensor) -> Tensor:
    """Weights `[1, kh, kw, M]` as `[M, kh, kw, 1]`."""
    if w.constant is None:
        call.refuse(f"weights {w.name!r} are computed at run time; they must be constant")
    q = replace(w.quantization, axis=0) if w.quantization and w.quantization.axis == 3 else w.quantization
    return call.scope.tensor(call.scope.constant(w.name, w.constant.transpose(3, 1, 2, 0), q))


def _weighted(call: Call, op: Weighted, x: Tensor, w: Tensor, shape: tuple[int, ...]) -> str:
    if w.constant is None:
        call.refuse(f"weights {w.name!r} are computed at run time; they must be constant")
    if x.dtype == "i8":
        return call.activated(call.emit(op, (x.name, *_integers(call, w, op.axis)), shape))
    bias = (_floats(call, call.input(2), (w.shape[op.axis],)),) if call.has(2) else ()
    return call.activated(call.emit(op, (x.name, _floats(call, w, w.shape), *bias), shape))


def _integers(call: Call, w: Tensor, axis: int) -> tuple[str, str]:
    """i8 weights around zero, with one scale or one a channel, and an i32 bias."""
    q, channels = w.quantization, w.shape[axis]
    if w.dtype != "i8" or q is None or q.axis not in {None, axis} or bool(q.zero_point.any()):
        call.refuse(f"weights {w.name!r} are not i8 around zero with one scale, or one an output channel")
    bias = call.constant(2) if call.has(2) else np.zeros(channels, np.int32)
    if bias.dtype != np.int32 or bias.size != channels:
        call.refuse(f"a bias of {bias.dtype} {bias.shape}; i32 of {channels} is supported")
    scales = np.broadcast_to(q.scale, (channels,)).astype(np.float32)
    per_channel = Quantization(scales, np.zeros(channels, np.int32), axis)
    weights = call.scope.constant(w.name, _without_least(call, w), per_channel)
    return weights, call.scope.constant(f"{call.label}.bias", bias.reshape(channels))


def _without_least(call: Call, w: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.int8]]:
    value = np.asarray(w.constant, np.int8)
    if bool((value == -128).any()):
        call.refuse(f"weights {w.name!r} hold -128; -127 to 127 is supported, which is what converters write")
    return value


def _floats(call: Call, t: Tensor, shape: tuple[int, ...]) -> str:
    """A constant as f32: it is, it was stored as f16, or its integers have a scale (a hybrid model)."""
    if t.constant is None:
        call.refuse(f"{t.name!r} is computed at run time; it must be a constant")
    if t.size != prod(shape):
        call.malformed(f"{t.name!r} has shape {t.shape}, not {shape}")
    if t.dtype == "f32" and t.shape == shape:
        return t.name
    if t.dtype in {"f32", "f16"}:
        value = t.constant.astype(np.float32)
    elif t.dtype == "i8" and t.quantization is not None:
        value = t.quantization.real(t.constant)
    else:
        call.refuse(f"{t.dtype} weights {t.name!r} with a float input")
    return call.scope.constant(t.name, value.reshape(shape))
