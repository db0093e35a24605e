"""Embeddings of transformers: rotary ones, and com.microsoft's sum of three tables with its normalization."""

import numpy as np

from edgefn.graph.importers.onnx.arithmetic import as_dtype, combine, number
from edgefn.graph.importers.onnx.attention import BEHIND
from edgefn.graph.importers.onnx.layer_norm import normalized, row_vector
from edgefn.graph.importers.onnx.quantization import dequantize_linear
from edgefn.graph.importers.onnx.reduction import reduced
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.importers.spans import Span, sliced
from edgefn.graph.ir import Shape, Tensor
from edgefn.graph.ops import Concat, Gather

__all__ = [
    "embed_layer_normalization",
    "fused_rotary_embedding",
    "quantized_embed_layer_normalization",
    "rotary_embedding",
]


def rotary_embedding(call: Call) -> str:
    """`[B, S, heads * D]` or `[B, heads, S, D]`; caches `[P, R / 2]` by positions, or one for each place."""
    position_ids = call.value(3).name if call.has(3) else ""
    return _rotated(call, call.real(1), call.real(2), position_ids)


def fused_rotary_embedding(call: Call) -> str:
    """com.microsoft's: positions come before the caches; a single one is where the sequence begins."""
    if call.attribute("scale", 1.0) != 1.0 or call.attribute("is_packed_batching", 0):
        call.refuse("scale, or packed batches")
    ids, x = call.value(1), call.real(0)
    if len(x.shape) not in {3, 4}:
        call.malformed(f"an input of shape {x.shape}")
    if ids.size == 1:
        length = x.shape[-2]
        first = call.single(1) + np.arange(length)
        ids = call.scope.tensor(call.scope.constant(ids.name, np.tile(first, (x.shape[0], 1)).astype(np.int32)))
    return _rotated(call, call.real(2), call.real(3), ids.name)


def _rotated(call: Call, cos: Tensor, sin: Tensor, position_ids: str) -> str:
    x = call.real(0)
    flat = len(x.shape) == 3
    heads = call.attribute("num_heads", 0) if flat else 1
    if len(x.shape) not in {3, 4} or heads < 1 or x.shape[-1] % heads:
        call.malformed(f"{heads} heads of {x.shape}")
    apart = call.reshape(x.name, (*x.shape[:2], heads, x.shape[2] // heads)) if flat else call.transpose(x.name, BEHIND)
    wide = call.scope.tensor(apart)  # [B, S, heads, D]
    size = call.attribute("rotary_embedding_dim", 0) or wide.shape[3]
    caches = [_at(call, cache, position_ids, wide.shape, size // 2) for cache in (cos, sin)]
    y = _turned(call, wide, size, *caches)
    if size < wide.shape[3]:
        y = _beside(call, [y, _columns(call, wide, Span(size, 1, wide.shape[3] - size))])
    return call.reshape(y, x.shape) if flat else call.transpose(y, BEHIND)


def _turned(call: Call, x: Tensor, size: int, cos: str, sin: str) -> str:
    """Pairs of the first `size` elements, either halves of them or neighbours, turned by their angles."""
    neighbours = bool(call.attribute("interleaved", 0))
    half, step = size // 2, 2 if neighbours else 1
    a, b = (_columns(call, x, Span(begin, step, half)) for begin in (0, 1 if neighbours else half))
    real = combine(call, "sub", combine(call, "mul", a, cos), combine(call, "mul", b, sin))
    imaginary = combine(call, "add", combine(call, "mul", a, sin), combine(call, "mul", b, cos))
    if not neighbours:
        return _beside(call, [real, imaginary])
    shape = call.scope.tensor(real).shape
    woven = _beside(call, [call.reshape(part, (*shape, 1)) for part in (real, imaginary)])
    return call.reshape(woven, (*shape[:-1], size))


def _at(call: Call, cache: Tensor, position_ids: str, shape: Shape, half: int) -> str:
    """A cache for every place, `[B, S, 1, R / 2]`."""
    name = cache.name
    if position_ids:
        ids = call.scope.tensor(position_ids)
        if ids.dtype != "i32":
            call.malformed(f"positions of {ids.dtype}")
        name = call.moved(Gather(0), cache, (*ids.shape, *cache.shape[1:]), position_ids)
    if call.scope.tensor(name).size != shape[0] * shape[1] * half:
        call.malformed(f"a cache of {cache.shape} for {shape[:2]} places of {half} angles")
    return call.reshape(name, (*shape[:2], 1, half))


def _columns(call: Call, x: Tensor, span: Span) -> str:
    return sliced(call, x, [*(Span(0, 1, d) for d in x.shape[:-1]), span])


def _beside(call: Call, parts: list[str]) -> str:
    tensors = [call.scope.tensor(p) for p in parts]
    shape = (*tensors[0].shape[:-1], sum(t.shape[-1] for t in tensors))
    return call.emit(Concat(len(shape) - 1), parts, shape)


def embed_layer_normalization(call: Call) -> tuple[str, ...]:
    """com.microsoft's: the sum of word, position and perhaps segment, normalized.

    The second output counts what the mask leaves, the third is the sum.
    """
    ids = call.value(0)
    total = combine(call, "add", _rows(call, call.real(2), ids), _positions(call, ids.shape))
    if call.has(1):
        total = combine(call, "add", total, _rows(call, call.real(4), call.value(1)))
    x = call.scope.tensor(total)
    y = normalized(call, x, row_vector(call, 5, x.shape[-1:], 1), row_vector(call, 6, x.shape[-1:], 0))
    return y, _left(call) if any(call.node.outputs[1:2]) else "", total


def quantized_embed_layer_normalization(call: Call) -> tuple[str, ...]:
    """com.microsoft's: the tables and the vectors of the normalization in integers."""
    given = [call.input(i).name if call.has(i) else "" for i in range(8)]
    for i in range(2, 7):
        if call.has(i):
            parts = [call.input(j).name for j in (i, i + 6, i + 11) if call.has(j)]
            given[i] = dequantize_linear(call.inner("DequantizeLinear", *parts))
    return embed_layer_normalization(call.inner("EmbedLayerNormalization", *given, **call.node.attributes))


def _rows(call: Call, table: Tensor, ids: Tensor) -> str:
    if len(table.shape) != 2 or ids.dtype != "i32":
        call.malformed(f"ids of {ids.dtype} in a table of {table.shape}")
    return call.moved(Gather(0), table, (*ids.shape, table.shape[1]), ids.name)


def _positions(call: Call, shape: Shape) -> str:
    """The rows of the places in the sequence, or of those that are given."""
    table = call.real(3)
    if call.has(8):
        return _rows(call, table, call.value(8))
    if len(shape) != 2 or len(table.shape) != 2 or table.shape[0] < shape[1]:
        call.malformed(f"ids of {shape} for positions of {table.shape}")
    return sliced(call, table, [Span(0, 1, shape[1]), Span(0, 1, table.shape[1])])


def _left(call: Call) -> str:
    """How many elements of each row of the mask are 1, none without a mask, as ONNX Runtime has it."""
    if not call.has(7):
        return call.scope.constant(call.node.outputs[1], np.zeros(call.input(0).shape[:1], np.int32))
    mask = call.value(7)
    one = combine(call, "equal", mask.name, number(call, 1, "i32"))
    count = reduced(call, "sum", as_dtype(call, one, "i32"), (len(mask.shape) - 1,))
    return call.reshape(count, mask.shape[:-1])
