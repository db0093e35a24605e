"""Tensors of a TFLite model that are shaped as arrays."""

import numpy as np

__all__ = ["SCALE", "i32", "tensor"]

KINDS = {np.dtype(np.float32): "FLOAT32", np.dtype(np.int8): "INT8", np.dtype(np.int32): "INT32"}
SCALE = (0.05, -3)


def tensor(writer, name, array, *, constant=False, scale=SCALE):
    """One of `array`, holding it if constant; i8 has a scale and a zero point."""
    kind = KINDS[array.dtype]
    fields = {"Quantization": writer.quantization([scale[0]], [scale[1]])} if kind == "INT8" and scale else {}
    return writer.tensor(name, array.shape, kind, array if constant else None, **fields)


def i32(*values):
    return np.array(values, np.int32)
