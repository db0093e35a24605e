"""Attention as com.microsoft has it, with the layers before it and masks of integers; without a past."""

from collections.abc import Sequence
from math import sqrt

import numpy as np

from edgefn.graph.importers.onnx.arithmetic import as_dtype, combine, number
from edgefn.graph.importers.onnx.attention import added, joined_heads, split_heads, weighted
from edgefn.graph.importers.onnx.dynamic import scaled_product
from edgefn.graph.importers.onnx.product import product
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.importers.spans import divided
from edgefn.graph.ir import Tensor
from edgefn.graph.ops import Dense

__all__ = ["attention_of_input", "multi_head_attention", "quantized_attention"]

UNSEEN = float(np.finfo(np.float32).min)  # added where a key lies behind its query


def attention_of_input(call: Call) -> str:
    """com.microsoft.Attention: `[B, S, I]` by weights `[I, 3 H]` first."""
    if call.has(4) or call.attribute("do_rotary", 0):
        call.refuse("a past, or rotary embeddings")
    x, w = call.real(0), call.weights(1, (1, 0))
    if len(x.shape) != 3 or w.shape[1] != x.shape[2]:
        call.malformed(f"{x.shape} by weights of {w.shape[1]} rows")
    y = call.emit(Dense(), (x.name, w.name, *call.bias(2, w.shape[0])), (*x.shape[:2], w.shape[0]))
    return _attended(call, _thirds(call, y), mask=3, bias=5)


def quantized_attention(call: Call) -> str:
    """com.microsoft.QAttention: the same by integers, of which the scales are inputs 3 and 4."""
    if call.has(8):
        call.refuse("a past")
    if len(call.input(0).shape) != 3:
        call.malformed(f"an input of shape {call.input(0).shape}")
    y = scaled_product(call, scales=(3, 4), zeros=(6, 7), bias=2)
    return _attended(call, _thirds(call, y), mask=5, bias=len(call.node.inputs))


def _thirds(call: Call, x: str) -> Sequence[str]:
    """Q, K and V, which lie beside each other."""
    width = call.scope.tensor(x).shape[-1]
    sizes = call.attribute("qkv_hidden_sizes", ()) or (width // 3,) * 3
    if len(sizes) != 3 or sum(sizes) != width:
        call.malformed(f"parts of {sizes} of {width} outputs")
    return _parts(call, call.scope.tensor(x), sizes)


def _parts(call: Call, x: Tensor, sizes: Sequence[int]) -> Sequence[str]:
    """Parts of the last dimension."""
    return divided(call, x, len(x.shape) - 1, sizes)


def multi_head_attention(call: Call) -> str:
    """com.microsoft.MultiHeadAttention: Q, K and V, each `[B, S, heads * D]`."""
    if any(call.has(i) for i in range(6, len(call.node.inputs))):
        call.refuse("a past, or cached keys and values")
    if not call.has(1) or not call.has(2):
        call.refuse("Q, K and V in one tensor")
    parts = [call.real(i).name for i in range(3)]
    shapes = [call.scope.tensor(x).shape for x in parts]
    if any(len(shape) != 3 for shape in shapes):
        call.refuse(f"Q, K and V of {shapes}; three dimensions are supported")
    if call.has(3):
        biases = _parts(call, call.real(3), [shape[2] for shape in shapes])
        parts = [combine(call, "add", x, b) for x, b in zip(parts, biases, strict=True)]
    return _attended(call, parts, mask=4, bias=5)


def _attended(call: Call, parts: Sequence[str], *, mask: int, bias: int) -> str:
    """Attention to Q, K and V, `[B, S, heads * D]`; `mask` and `bias` are inputs."""
    if any(call.node.outputs[1:]):
        call.refuse("present keys and values as outputs")
    q, k, v = (split_heads(call, x, call.attribute("num_heads", 0)) for x in parts)
    *_, length, width = call.scope.tensor(q).shape
    scale = call.attribute("scale", 0.0) or 1 / sqrt(width)
    moved = _added(call, length, call.scope.tensor(k).shape[2], mask=mask, bias=bias)
    return joined_heads(call, product(call, weighted(call, q, k, scale=scale, bias=moved).weights, v))


def _added(call: Call, length: int, keys: int, *, mask: int, bias: int) -> str:
    """All that is added to scores `[B, heads, S, T]`; empty when nothing is."""
    parts = [_mask(call, mask, keys)] if call.has(mask) else []
    parts += [call.real(bias).name] if call.has(bias) else []
    if call.attribute("unidirectional", 0):
        seen = np.tril(np.ones(call.bounded((length, keys)), np.bool_), keys - length)
        parts.append(call.scope.constant(f"{call.node.label}.order", np.where(seen, 0, np.float32(UNSEEN))))
    return added(call, parts)


def _mask(call: Call, index: int, keys: int) -> str:
    """What a mask of integers adds: nothing where it is 1, or to keys in front of the end that it names."""
    mask = call.value(index)
    shape = {1: (-1, 1, 1, 1), 2: (-1, 1, 1, keys), 3: (-1, 1, *mask.shape[1:2], keys)}.get(len(mask.shape))
    if shape is None or (mask.shape[-1] != keys and len(mask.shape) > 1):
        call.refuse(f"a mask of {mask.shape} for {keys} keys")
    ruled = call.reshape(mask.name, [mask.shape[0] if d == -1 else d for d in shape])
    if len(mask.shape) == 1:
        places = call.scope.constant(f"{call.node.label}.places", np.arange(*call.bounded((keys,)), dtype=np.int32))
        out = combine(call, "less_equal", ruled, places)
    else:
        out = combine(call, "less", ruled, number(call, 1, "i32"))
    return combine(call, "mul", as_dtype(call, out, "f32"), number(call, call.attribute("mask_filter_value", -10000.0)))
