"""Channels of i8 layers that have one value whatever goes in are not computed: what reads them has it in its bias.

Training and quantization leave many of them behind a ReLU. A channel's range follows from the ranges of what it sums;
results are rounded in the arithmetic of the plan, so that not a bit changes.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.draft import Draft, Lowering, scalar_of
from edgefn.graph.ir import Graph, Node, Quantization, Tensor
from edgefn.graph.ops import AveragePool, Conv2d, Dense, Depthwise, MaxPool, Reshape, Weighted, ends_of

__all__ = ["remove_constant_channels"]

type Array = NDArray[Any]

LANES = 8  # channels that a layer computes at a time: fewer are not faster


@dataclass(frozen=True, slots=True)
class _Range:
    """The least and the largest value of every channel `[C]`, in i64."""

    low: Array
    high: Array

    @property
    def constant(self) -> Array:
        return np.asarray(self.low == self.high)

    def with_value(self, value: int) -> "_Range":
        return _Range(np.minimum(self.low, value), np.maximum(self.high, value))


def remove_constant_channels(graph: Graph) -> bool:
    """Keep a multiple of eight channels, where all that reads the others can do without."""
    ranges = _ranges(graph)
    kept = _kept(graph, ranges)
    if not kept:
        return False
    graph.nodes = [_narrowed(graph, node, ranges, kept) for node in graph.nodes]
    for name, keep in kept.items():
        t = graph.tensors[name]
        graph.tensors[name] = replace(t, shape=(*t.shape[:-1], int(keep.sum())))
    return True


# ---- Ranges ----


def _ranges(graph: Graph) -> dict[str, _Range]:
    """Ranges of what i8 layers compute, and of the same channels behind a pool or a reshape."""
    ranges: dict[str, _Range] = {}
    low = Lowering(graph, Draft())
    for node in graph.nodes:
        if _is_layer(graph, node):
            ranges[node.output] = _layer_range(low, node, _seen(graph, node, ranges))
        elif node.inputs[:1] and node.inputs[0] in ranges and _passes_channels(graph, node):
            ranges[node.output] = ranges[node.inputs[0]]
    return ranges


def _is_layer(graph: Graph, node: Node) -> bool:
    """Whether a node is an i8 layer of constant weights without zero points."""
    if not isinstance(node.op, Conv2d | Depthwise | Dense) or graph.tensors[node.output].dtype != "i8":
        return False
    constants = graph.of(node.inputs[1:])
    zeros = constants[0].quantization.zero_point if constants[0].quantization else np.zeros(1)
    return all(t.constant is not None for t in constants) and not zeros.any()


def _seen(graph: Graph, node: Node, ranges: dict[str, _Range]) -> _Range:
    """What a layer multiplies its weights by: the zero point of x too, where its window leaves x."""
    x = graph.tensors[node.inputs[0]]
    seen = ranges.get(x.name) or _Range(np.full(x.shape[-1], -128), np.full(x.shape[-1], 127))
    return seen.with_value(scalar_of(x)[1]) if _is_padded(graph, node) else seen


def _is_padded(graph: Graph, node: Node) -> bool:
    """Whether the window of a layer or of a pool leaves its input."""
    if not isinstance(node.op, Conv2d | Depthwise | AveragePool):
        return False
    window = node.op.window
    x, y = graph.tensors[node.inputs[0]].shape, graph.tensors[node.output].shape
    reach = [
        (out - 1) * stride + (kernel - 1) * dilation + 1
        for out, stride, kernel, dilation in zip(y[1:3], window.stride, window.kernel, window.dilation, strict=True)
    ]
    return window.pad != (0, 0) or reach[0] > x[1] or reach[1] > x[2]


def _layer_range(low: Lowering, node: Node, seen: _Range) -> _Range:
    w = _weights(low.graph, node)
    up, down = (part.sum(axis=1, dtype=np.int64) for part in (np.maximum(w, 0), np.minimum(w, 0)))
    sums = up * seen.low + down * seen.high, up * seen.high + down * seen.low
    least, most = (s[0] if isinstance(node.op, Depthwise) else s.sum(axis=1) for s in sums)
    return _Range(*ends_of(low, node, least, most))


def _weights(graph: Graph, node: Node) -> Array:
    """Weights `[M, taps, C]`; of a depthwise layer `[1, taps, C]`."""
    w = graph.tensors[node.inputs[1]].constant
    assert w is not None  # noqa: S101 -- of a layer
    return w.reshape(1 if isinstance(node.op, Depthwise) else len(w), -1, w.shape[-1])


def _passes_channels(graph: Graph, node: Node) -> bool:
    """Whether a channel that is constant in x has the same value in y."""
    x, y = graph.tensors[node.inputs[0]], graph.tensors[node.output]
    if y.dtype != "i8" or x.meaning != y.meaning or x.shape[-1:] != y.shape[-1:]:
        return False
    if isinstance(node.op, AveragePool):
        return node.op.bounds.open and not _is_padded(graph, node)
    return isinstance(node.op, MaxPool | Reshape)


# ---- What can go ----


def _kept(graph: Graph, ranges: dict[str, _Range]) -> dict[str, Array]:
    """Which channels `[C]` of every tensor stay, of the tensors that lose any."""
    gone = {name: r.constant for name, r in ranges.items()}
    for name in graph.sinks:
        if name in gone:
            gone[name] = np.zeros_like(gone[name])
    linked = set()
    for node in graph.nodes:
        passes = isinstance(node.op, Depthwise) or not isinstance(node.op, Weighted)
        if passes and node.output in gone and node.inputs[0] in gone:
            linked.add((node.inputs[0], node.output))
        elif isinstance(node.op, Depthwise) and node.output in gone:
            gone[node.output] = np.zeros_like(gone[node.output])  # its input keeps them all
        for name in node.inputs:
            if name in gone and (name, node.output) not in linked:
                gone[name] = gone[name] & _absorbed(graph, node, ranges[name])
    changed = True
    while changed:  # what goes on one side of a link must go on the other
        changed = False
        for x, y in linked:
            both = gone[x] & gone[y]
            changed |= not (np.array_equal(both, gone[x]) and np.array_equal(both, gone[y]))
            gone[x] = gone[y] = both
    kept = {name: _in_lanes(mask) for name, mask in gone.items()}
    return {name: keep for name, keep in kept.items() if not keep.all()}


def _absorbed(graph: Graph, node: Node, x: _Range) -> Array:
    """The constant channels of x that a reader can have in its bias."""
    if not isinstance(node.op, Conv2d | Dense) or not _is_layer(graph, node):
        return np.zeros_like(x.constant)
    zero = scalar_of(graph.tensors[node.inputs[0]])[1]
    return x.low == zero if _is_padded(graph, node) else np.ones_like(x.constant)


def _in_lanes(gone: Array) -> Array:
    """What stays, filled up to a multiple of eight by the last of what could go."""
    keep, spare = ~gone, np.flatnonzero(gone)
    missing = min(-keep.sum() % LANES if keep.any() else LANES, len(spare))
    keep[spare[len(spare) - missing :]] = True
    return keep


# ---- Without them ----


def _narrowed(graph: Graph, node: Node, ranges: dict[str, _Range], kept: dict[str, Array]) -> Node:
    """Return a layer with the weights of the channels that stay, of its input and of its output."""
    x, y = kept.get(node.inputs[0]) if node.inputs else None, kept.get(node.output)
    if not isinstance(node.op, Conv2d | Depthwise | Dense) or (x is None and y is None):
        return node
    w, *biases = graph.of(node.inputs[1:])
    bias = biases[0].constant.astype(np.int64) if biases and biases[0].constant is not None else np.zeros(1, np.int64)
    bias = np.broadcast_to(bias, graph.tensors[node.output].shape[-1:])
    weights, axis = w.constant, node.op.axis
    assert weights is not None  # noqa: S101 -- of a layer
    if x is not None and not isinstance(node.op, Depthwise):
        source = graph.tensors[node.inputs[0]]
        steps = np.where(x, 0, ranges[source.name].low - scalar_of(source)[1])
        bias = bias + _weights(graph, node).sum(axis=1, dtype=np.int64) @ steps
        weights = weights[..., x]
    if y is not None:
        weights, bias = weights.compress(y, axis), bias[y]
    narrow = replace(w, shape=weights.shape, constant=weights, quantization=_kept_scales(w, y))
    added = biases[0] if biases else Tensor(f"{node.output} bias", "i32", ())
    wrapped = bias.astype(np.int32)
    inputs = (graph.add(narrow), graph.add(replace(added, dtype="i32", shape=wrapped.shape, constant=wrapped)))
    return Node(node.name, node.op, (node.inputs[0], *inputs), node.output)


def _kept_scales(w: Tensor, keep: Array | None) -> Quantization | None:
    q = w.quantization
    if q is None or keep is None or q.axis is None:
        return q
    zero = np.broadcast_to(q.zero_point, q.scale.shape)
    return replace(q, scale=q.scale[keep], zero_point=zero[keep])
