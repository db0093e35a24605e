"""Constant weights as TFLite stores them: f32, f16, i8 beside i8 activations, or i8 that stands for floats."""

import numpy as np

from edgefn.graph.importers.kernel import Array, Kernel
from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.ir import DType, Quantization, Tensor

__all__ = ["bias_of", "weights_of"]


def weights_of(call: Call, w: Tensor, axis: int, dtype: DType) -> Kernel:
    """Weights for activations of `dtype`; their outputs, which lie along `axis`, become the first.

    i8 ones, beside i8 activations, lie around zero and have a scale for every output.
    """
    value = _constant(call, w)
    if dtype != "i8":
        return Kernel(w.name, np.moveaxis(_floats(call, w, value), axis, 0))
    q, outputs = w.quantization, w.shape[axis]
    if w.dtype != "i8" or q is None or q.axis not in {None, axis} or bool(q.zero_point.any()):
        call.refuse(f"weights {w.name!r} are not i8 around zero with one scale, or one an output channel")
    if bool((value == -128).any()):
        call.refuse(f"weights {w.name!r} hold -128; -127 to 127 is supported, which is what converters write")
    scales = np.broadcast_to(q.scale, (outputs,)).astype(np.float32)
    return Kernel(w.name, np.moveaxis(value, axis, 0), Quantization(scales, np.zeros(outputs, np.int32), 0))


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
