"""Unsigned constants as the signed ones that mean the same."""

import numpy as np

from edgefn.graph.ir import Graph, Tensor

__all__ = ["signed"]


def signed(graph: Graph, t: Tensor) -> str:
    """Return a quantized constant of u8 as one of i8; any other tensor as it is."""
    if t.dtype != "u8" or t.constant is None or t.quantization is None:
        return t.name
    value = np.asarray((t.constant.astype(np.int16) - 128).astype(np.int8))
    return graph.like(t.name, dtype="i8", constant=value, quantization=t.quantization.signed)
