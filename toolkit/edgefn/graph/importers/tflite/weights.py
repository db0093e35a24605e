"""Constant weights as TFLite stores them: f32, f16, i8 beside i8 activations, or i8 that stands for floats."""

import numpy as np

from edgefn.graph.importers.kernel import Array, Kernel
from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.importers.tflite.wide import MOST
from edgefn.graph.ir import DType, Quantization, Tensor

__all__ = ["bias_of", "reals_of", "weights_of"]


def weights_of(call: Call, w: Tensor, axis: int, dtype: DType) -> Kernel:
    """Weights for activations of `dtype`; their outputs, which lie along `axis`, become the first.

    i8 ones, beside i8 activations, have a scale for every output or one for all. Around zero they take 16 bits where
    they go beyond -127 to 127 (edgefn.graph.importers.tflite.wide).
    """
    value = _constant(call, w)
    if dtype != "i8":
        return Kernel(w.name, np.moveaxis(_floats(call, w, value), axis, 0))
    q, outputs = w.quantization, w.shape[axis]
    if w.dtype != "i8" or q is None or q.axis not in {None, axis}:
        call.refuse(f"weights {w.name!r} are not i8 with one scale, or one an output channel")
    points = q.zero_point.reshape([-1 if i == axis and q.axis is not None else 1 for i in range(len(w.shape))])
    centred = value.astype(np.int16) - points.astype(np.int16)
    narrow = np.abs(centred).max(initial=0) <= MOST
    scales = np.broadcast_to(q.scale, (outputs,)).astype(np.float32)
    around = Quantization(scales, np.zeros(outputs, np.int32), 0)
    return Kernel(w.name, np.moveaxis(centred.astype(np.int8) if narrow else centred, axis, 0), around)


def bias_of(call: Call, index: int, outputs: int, dtype: DType) -> Kernel | None:
    """An optional bias: f32 or, beside i8 activations, i32 and always there."""
    if not call.has(index):
        return Kernel(f"{call.label}.bias", np.zeros(outputs, np.int32)) if dtype == "i8" else None
    t = call.input(index)
    value = _constant(call, t)
    if value.size != outputs or (dtype == "i8" and value.dtype != np.int32):
        kind = "i32" if dtype == "i8" else "a float"
        call.refuse(f"a bias of {value.dtype} {value.shape}; {kind} of {outputs} is supported")
    return Kernel(t.name, (value if dtype == "i8" else _floats(call, t, value)).reshape(outputs))


def _constant(call: Call, t: Tensor) -> Array:
    if t.constant is None:
        call.refuse(f"weights {t.name!r} are computed at run time; they must be constant")
    return t.constant


def _floats(call: Call, t: Tensor, value: Array) -> Array:
    """A constant as f32: it is, it was stored as f16, or its integers have a scale (a hybrid model)."""
    if t.dtype == "i8" and t.quantization is not None:
        return t.quantization.real(value)
    if t.dtype not in {"f32", "f16"}:
        call.refuse(f"{t.dtype} weights {t.name!r} with a float input")
    return value.astype(np.float32)


def reals_of(call: Call, index: int) -> Array:
    """A constant input in f32, stored as such, as f16, or as integers with a scale (a hybrid model)."""
    value, q = call.constant(index), call.input(index).quantization
    return q.real(value) if q else value.astype(np.float32)
