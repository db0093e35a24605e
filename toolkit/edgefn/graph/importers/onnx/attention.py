"""Attention, ONNX's own: products of matrices around a softmax."""

from dataclasses import dataclass
from math import inf, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.importers.onnx.arithmetic import as_dtype, combine, number
from edgefn.graph.importers.onnx.product import product
from edgefn.graph.importers.onnx.reduction import reduced
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.ops import Concat, Select, Softmax, Unary

__all__ = ["BEHIND", "Steps", "added", "attention", "joined_heads", "split_heads", "weighted"]

BEHIND = (0, 2, 1, 3)  # the sequence goes behind the heads, and back


@dataclass(frozen=True, slots=True)
class Steps:
    """Scores of queries and keys, `[..., S, T]`: as they are multiplied, capped, with what is added; and as weights."""

    plain: str
    capped: str
    biased: str
    weights: str


def split_heads(call: Call, x: str, heads: int) -> str:
    """`[B, S, heads * D]` as `[B, heads, S, D]`."""
    batch, length, width = call.scope.tensor(x).shape
    if heads < 1 or width % heads:
        call.malformed(f"{heads} heads of {width} elements")
    return call.transpose(call.reshape(x, (batch, length, heads, width // heads)), BEHIND)


def joined_heads(call: Call, x: str) -> str:
    """`[B, heads, S, D]` as `[B, S, heads * D]`."""
    batch, heads, length, width = call.scope.tensor(x).shape
    return call.reshape(call.transpose(x, BEHIND), (batch, length, heads * width))


def weighted(call: Call, q: str, k: str, *, scale: float, bias: str = "", softcap: float = 0.0) -> Steps:
    """The softmax of `scale * q k`, drawn below `softcap` by tanh unless that is 0, plus `bias`."""
    if not 0 < scale < inf:
        call.malformed(f"scale {scale}")
    plain = capped = product(call, q, k, scale=scale, transposed=(False, True))
    shape = call.scope.tensor(plain).shape
    if softcap > 0:
        limit = number(call, softcap)
        capped = call.emit(Unary("tanh"), (combine(call, "div", plain, limit),), shape)
        capped = combine(call, "mul", capped, limit)
    biased = combine(call, "add", capped, bias) if bias else capped
    if call.scope.tensor(biased).shape != shape:
        call.malformed(f"a mask of {call.scope.tensor(bias).shape} for scores of {shape}")
    return Steps(plain, capped, biased, call.emit(Softmax(), (biased,), shape))


def attention(call: Call) -> tuple[str, ...]:
    """`[B, heads, S, D]` or `[B, S, heads * D]`; K and V may have fewer heads, each for a group of those of Q."""
    flat = len(call.real(0).shape) == 3
    q, k, v = (_heads(call, i, flat=flat) for i in range(3))
    k, v = _with_past(call, k, 4), _with_past(call, v, 5)
    bias, (batch, heads, length, width) = _bias(call, q, k), call.scope.tensor(q).shape
    shared = _shared_by(call, q, k)
    steps = weighted(
        call,
        _grouped(call, q, shared),
        _grouped(call, k, shared),
        scale=call.attribute("scale", 0.0) or 1 / sqrt(width),
        bias=_grouped(call, bias, shared) if bias else "",
        softcap=call.attribute("softcap", 0.0),
    )
    weights = _without_masked(call, steps.weights, bias, shared)
    y = product(call, weights, _grouped(call, v, shared))
    y, scores = (
        call.reshape(x, (batch, heads, length, call.scope.tensor(x).shape[-1]))
        for x in (y, _asked_for(call, steps, weights))
    )
    return joined_heads(call, y) if flat else y, k, v, scores


def _heads(call: Call, index: int, *, flat: bool) -> str:
    x = call.real(index)
    if len(x.shape) != (3 if flat else 4):
        call.malformed(f"{x.name!r} of shape {x.shape}")
    return split_heads(call, x.name, call.attribute("kv_num_heads" if index else "q_num_heads", 0)) if flat else x.name


def _with_past(call: Call, x: str, index: int) -> str:
    if not call.has(index):
        return x
    past, now = call.real(index).shape, call.scope.tensor(x).shape
    if len(past) != 4 or (*past[:2], past[3]) != (*now[:2], now[3]):
        call.malformed(f"a past of {past} before {now}")
    return call.emit(Concat(2), (call.real(index).name, x), (*now[:2], past[2] + now[2], now[3]))


def _asked_for(call: Call, steps: Steps, weights: str) -> str:
    """The scores that are the fourth output."""
    modes = (steps.plain, steps.capped, steps.biased, weights)
    mode = call.attribute("qk_matmul_output_mode", 0)
    if not 0 <= mode < len(modes):
        call.malformed(f"qk_matmul_output_mode {mode}")
    return modes[mode]


# ---- Groups of heads ----


def _shared_by(call: Call, q: str, k: str) -> int:
    """How many heads K has; 0 when they are as many as those of Q."""
    heads, shared = call.scope.tensor(q).shape[1], call.scope.tensor(k).shape[1]
    if heads % shared:
        call.malformed(f"{heads} heads of Q for {shared} of K")
    return 0 if heads == shared else shared


def _grouped(call: Call, x: str, shared: int) -> str:
    """`[..., heads, rows, columns]` as `[..., shared, heads / shared, rows, columns]`, where heads are shared."""
    shape = call.scope.tensor(x).shape
    if not shared or len(shape) < 3:
        return x
    *batch, heads, rows, columns = shape
    return call.reshape(x, (*batch, *((1, 1) if heads == 1 else (shared, heads // shared)), rows, columns))


# ---- What is added to the scores ----


def _bias(call: Call, q: str, k: str) -> str:
    """The mask, and -inf where the order of the sequence, or its end, rules out that a key is attended to."""
    length, keys = call.scope.tensor(q).shape[2], call.scope.tensor(k).shape[2]
    parts = [_mask(call, keys)] if call.has(3) else []
    parts += _ordered(call, length, keys)
    parts += [_ended(call, keys)] if call.has(6) else []
    return added(call, parts)


def added(call: Call, parts: list[str]) -> str:
    """The sum of all parts; empty when there are none."""
    total = parts[0] if parts else ""
    for part in parts[1:]:
        total = combine(call, "add", total, part)
    return total


def _mask(call: Call, keys: int) -> str:
    """The mask as floats; keys behind its end are not attended to."""
    mask = call.input(3)
    if mask.constant is not None:
        value = _as_bias(mask.constant) if mask.dtype == "bool" else mask.constant
        widths = [(0, 0)] * (value.ndim - 1) + [(0, keys - value.shape[-1])]
        call.bounded((*value.shape[:-1], keys))
        return call.scope.constant(mask.name, np.pad(value, widths, constant_values=-inf).astype(np.float32))
    if mask.shape[-1:] != (keys,):
        call.refuse(f"a mask of {mask.shape}, computed at run time, for {keys} keys")
    return mask.name if mask.dtype == "f32" else _allowed(call, mask.name)


def _as_bias(allowed: NDArray[Any]) -> NDArray[np.float32]:
    return np.where(allowed, np.float32(0), np.float32(-inf))


def _allowed(call: Call, allowed: str) -> str:
    """0 where `allowed`, else -inf."""
    return call.emit(Select(), (allowed, number(call, 0), number(call, -inf)), call.scope.tensor(allowed).shape)


def _ordered(call: Call, length: int, keys: int) -> list[str]:
    """What the places of queries and keys in the sequence rule out, `[S, T]` or `[B, 1, S, T]`."""
    left, right = call.attribute("left_window_size", -1), call.attribute("right_window_size", -1)
    right = 0 if call.attribute("is_causal", 0) else right
    if max(left, right) < 0:
        return []
    call.bounded((length, keys))
    past = call.real(4).shape[2] if call.has(4) else 0
    ahead = np.arange(keys, dtype=np.int32) - np.arange(past, past + length, dtype=np.int32)[:, None]
    if not call.has(6):
        allowed = ((ahead <= right) | (right < 0)) & ((ahead >= -left) | (left < 0))
        return [call.scope.constant(f"{call.node.label}.order", _as_bias(allowed))]
    places = call.scope.constant(f"{call.node.label}.ahead", ahead)
    after = combine(call, "add", _count(call), number(call, max(right, 0) - length, "i32"))
    before = combine(call, "sub", _count(call), number(call, length + max(left, 0), "i32"))
    sides = ((right, places, after), (left, before, places))
    return [_allowed(call, combine(call, "less_equal", low, high)) for size, low, high in sides if size >= 0]


def _ended(call: Call, keys: int) -> str:
    """What lies behind the keys that are there, `[B, 1, 1, T]`."""
    places = call.scope.constant(f"{call.node.label}.places", np.arange(*call.bounded((keys,)), dtype=np.int32))
    return _allowed(call, combine(call, "less", places, _count(call)))


def _count(call: Call) -> str:
    """How many keys there are, `[B, 1, 1, 1]`."""
    count = call.value(6)
    return call.reshape(as_dtype(call, count.name, "i32"), (count.size, 1, 1, 1))


def _without_masked(call: Call, weights: str, bias: str, shared: int) -> str:
    """Weights of 0 where no key is attended to at all."""
    if not bias:
        return weights
    t = call.scope.tensor(bias)
    if t.constant is not None and bool(np.isfinite(t.constant.max(-1)).all()):
        return weights
    most = reduced(call, "max", bias, (len(t.shape) - 1,))
    masked = combine(call, "equal", _grouped(call, most, shared), number(call, -inf))
    return call.emit(Select(), (masked, number(call, 0), weights), call.scope.tensor(weights).shape)
