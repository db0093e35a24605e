"""QDQ fusing: dequantize -> op -> quantize becomes the op on i8."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.ir import Graph, Node, Quantization, Tensor
from edgefn.graph.ops import (
    Add,
    AveragePool,
    Clamp,
    Dense,
    DenseDynamic,
    Dequantize,
    Quantize,
    Requantize,
    Weighted,
)
from edgefn.graph.passes.signed import signed
from edgefn.graph.passes.walk import Walk, rewrite

__all__ = ["fuse_quantized", "symmetric"]

MOST_WEIGHT = 127
MAX_STEP = 255  # how far an i8 activation can lie from its zero point


def fuse_quantized(graph: Graph) -> bool:
    """Fuse every op that has an i8 kernel; quantize after dequantize cancels or becomes a requantize.

    TFLite computes what lies between its DEQUANTIZE and QUANTIZE in floats, so that fixed graphs stay as they are.
    """
    return graph.rounding == "float" and rewrite(graph, _visit)


def _visit(walk: Walk, node: Node) -> None:
    if not isinstance(node.op, Quantize):
        walk.keep(node)
        return
    source = _activation(walk, node.inputs[0])
    if source:
        _requantize(walk, node, source)
        return
    maker = walk.sole_maker(node.inputs[0])
    if not maker or not _fuse(walk, node, maker):
        walk.keep(node)


def _activation(walk: Walk, name: str) -> Tensor | None:
    """Return the i8 tensor that `name` is the dequantized form of."""
    maker = walk.makers.get(name)
    if not maker or not isinstance(maker.op, Dequantize):
        return None
    t = walk.graph.tensors[maker.inputs[0]]
    return t if t.dtype == "i8" and t.constant is None else None


def _constant(walk: Walk, name: str) -> Tensor | None:
    """Return the quantized constant that `name` is the dequantized form of."""
    maker = walk.makers.get(name)
    if not maker or not isinstance(maker.op, Dequantize):
        return None
    t = walk.graph.tensors[maker.inputs[0]]
    return t if t.constant is not None else None


def _requantize(walk: Walk, node: Node, source: Tensor) -> None:
    if source.quantized.same(walk.graph.tensors[node.output].quantization):
        walk.replace(node, source.name)
    else:
        walk.emit(node.name, Requantize(), (source.name,), node.output)


def _fuse(walk: Walk, node: Node, maker: Node) -> bool:
    x = _activation(walk, maker.inputs[0]) if maker.inputs else None
    if x is None:
        return False
    match maker.op:
        case Weighted() as op:
            return _fuse_weights(walk, node, maker, op, x)
        case Add():
            return _fuse_add(walk, node, maker, x)
        case AveragePool():
            walk.emit(maker.name, maker.op, (x.name,), node.output)
            return True
        case Clamp():
            return _fuse_clamp(walk, node, maker, x)
    return False


def _fuse_clamp(walk: Walk, node: Node, maker: Node, x: Tensor) -> bool:
    y = walk.graph.tensors[node.output]
    same = x.quantized.same(y.quantization)
    source = x.name if same else walk.emit(node.name, Requantize(), (x.name,), walk.graph.like(y.name, shape=x.shape))
    walk.emit(maker.name, maker.op, (source,), node.output)
    return True


def _fuse_add(walk: Walk, node: Node, maker: Node, a: Tensor) -> bool:
    b = _operand(walk, maker.inputs[1])
    if b is None:
        return False
    walk.emit(maker.name, maker.op, (a.name, b.name), node.output)
    return True


def _operand(walk: Walk, name: str) -> Tensor | None:
    """Return the i8 tensor, perhaps a constant, that `name` is the dequantized form of."""
    constant = _constant(walk, name)
    if constant is not None and constant.dtype in {"i8", "u8"} and constant.quantized.per_tensor:
        return walk.graph.tensors[signed(walk.graph, constant)]
    return _activation(walk, name)


def _fuse_weights(walk: Walk, node: Node, maker: Node, op: Weighted, x: Tensor) -> bool:
    w = _constant(walk, maker.inputs[1])
    if w is None or w.constant is None or w.dtype not in {"i8", "u8"} or w.quantized.axis not in {None, op.axis}:
        return False
    if isinstance(op, Dense) and _reaches_far(w):
        return _fuse_exactly(walk, node, maker, x, w)
    value, scale = symmetric(w.constant, w.quantized, op.axis)
    steps = _bias(walk, maker.inputs[2:], scale.astype(np.float64) * x.quantized.scalar[0])
    if steps is None or not _fits(value, steps, op.axis):
        return False
    bias = steps.astype(np.int32)
    graph = walk.graph
    q = Quantization(scale, np.zeros(len(scale), np.int32), op.axis)
    weights = graph.like(w.name, dtype="i8", constant=value, quantization=q)
    constant = graph.add(Tensor(f"{maker.name}.bias", "i32", bias.shape, None, bias))
    walk.emit(maker.name, maker.op, (x.name, weights, constant), node.output)
    return True


def _reaches_far(w: Tensor) -> bool:
    """Whether weights `[M, K]` do not fit in i8 around 0."""
    assert w.constant is not None  # noqa: S101 -- the caller looked
    zero = np.broadcast_to(w.quantized.zero_point, (len(w.constant),))
    return bool(np.abs(w.constant.astype(np.int32) - zero[:, None]).max(initial=0) > MOST_WEIGHT)


def _fuse_exactly(walk: Walk, node: Node, maker: Node, x: Tensor, w: Tensor) -> bool:
    """Weights that keep their zero points: the dense layer ends in floats, which are quantized after it."""
    graph, (scale, zero), q = walk.graph, x.quantized.scalar, w.quantized
    bias = [_reals(walk, name) for name in maker.inputs[2:]] or [np.zeros(w.shape[0], np.float32)]
    if bias[0] is None or not isinstance(maker.op, Dense):
        return False
    vectors = {
        "range": np.array([scale, zero + 128], np.float32),
        "zeros": np.broadcast_to(q.zero_point, w.shape[:1]),
        "scales": np.broadcast_to(q.scale, w.shape[:1]),
        "bias": bias[0],
    }
    names = {
        name: graph.add(Tensor(f"{maker.name}.{name}", "i32" if name == "zeros" else "f32", v.shape, constant=v))
        for name, v in vectors.items()
    }
    inputs = (x.name, names["range"], w.name, names["zeros"], names["scales"], names["bias"])
    y = graph.like(node.output, dtype="f32", quantization=None)
    walk.emit(node.name, Quantize(), (walk.emit(maker.name, DenseDynamic(maker.op.bounds), inputs, y),), node.output)
    return True


def _reals(walk: Walk, name: str) -> NDArray[np.float32] | None:
    """Return what is constant, perhaps quantized, in floats."""
    quantized = _constant(walk, name)
    if quantized is not None and quantized.constant is not None:
        return quantized.quantized.real(quantized.constant)
    return walk.graph.tensors[name].constant


def _bias(walk: Walk, inputs: tuple[str, ...], scale: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return the bias in whole steps of `scale`, `[M]`; None when it is not constant."""
    if not inputs:
        return np.zeros(len(scale))
    quantized = _constant(walk, inputs[0])
    plain = walk.graph.tensors[inputs[0]].constant
    if quantized is not None and quantized.constant is not None:
        q = quantized.quantized
        real = (quantized.constant.astype(np.float64) - q.zero_point) * q.scale.astype(np.float64)
    elif plain is not None:
        real = plain.astype(np.float64)
    else:
        return None
    return np.asarray(np.rint(real / scale))


def _fits(weights: NDArray[np.int8], bias: NDArray[np.float64], axis: int) -> bool:
    """Whether no input can take a sum of products and bias out of 32 bits."""
    channels = np.moveaxis(np.abs(weights.astype(np.float64)), axis, 0).reshape(len(bias), -1)
    return bool(np.all(np.abs(bias) + MAX_STEP * channels.sum(axis=1) < 2**31))


def symmetric(value: NDArray[Any], q: Quantization, axis: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Weights of any zero point as i8 around 0 in -127..127, with one scale a channel.

    Exact where `value - zero_point` fits. A channel where it does not is either clipped (a lone -128) or spread over
    a larger step, whichever moves the weights less.
    """
    channels = value.shape[axis]
    broadcast = [1] * value.ndim
    broadcast[axis] = -1
    zero = np.broadcast_to(q.zero_point, (channels,)).reshape(broadcast)
    scale = np.array(np.broadcast_to(q.scale, (channels,)), np.float32)
    centred = np.moveaxis(value.astype(np.int32) - zero, axis, 0).astype(np.float64)
    for c in np.flatnonzero(np.abs(centred).reshape(channels, -1).max(axis=1) > MOST_WEIGHT):
        step = np.abs(centred[c]).max() / MOST_WEIGHT
        clipped, spread = np.clip(centred[c], -MOST_WEIGHT, MOST_WEIGHT), np.rint(centred[c] / step)
        if np.square(clipped - centred[c]).sum() <= np.square(spread * step - centred[c]).sum():
            centred[c] = clipped
        else:
            centred[c], scale[c] = spread, np.float32(scale[c] * step)
    return np.ascontiguousarray(np.moveaxis(centred, 0, axis)).astype(np.int8), scale
