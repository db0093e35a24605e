"""Clamps and quantizes travel up through what only moves data, to the op that computed it; dequantizes travel down."""

from itertools import takewhile

from edgefn.graph.ir import OPEN, Graph, Node
from edgefn.graph.ops import (
    Clamp,
    Concat,
    Dequantize,
    Gather,
    MaxPool,
    Pad,
    Quantize,
    Repeat,
    Reshape,
    Slice,
    Tile,
    Transpose,
    Weighted,
)
from edgefn.graph.passes.signed import signed
from edgefn.graph.passes.walk import Walk, rewrite

__all__ = ["hoist", "sink_dequantizes"]

# A maximum commutes with every function that never decreases.
_MOVING = (Gather, MaxPool, Repeat, Reshape, Slice, Tile, Transpose)
# A round goes up so far at most, which keeps a round linear for any file; real models have one or two.
MAX_CHAIN = 8


def hoist(graph: Graph) -> bool:
    """Turn `clamp(move(x))` into `move(clamp(x))`, and the same for quantize; exact, as both are elementwise."""
    return rewrite(graph, _up)


def _up(walk: Walk, node: Node) -> None:
    if not isinstance(node.op, Clamp | Quantize):
        walk.keep(node)
        return
    chain = _chain(walk, node, node.inputs[0])
    top = walk.sole_maker(chain[-1].inputs[0] if chain else node.inputs[0])
    if top and (_layers(walk, top) or (isinstance(top.op, Concat) and isinstance(node.op, Quantize))):
        source = _each(walk, node, top, last=not chain)
    elif chain:
        source = _elementwise(walk, node, chain[-1].inputs[0])
    else:
        walk.keep(node)
        return
    for i, moved in enumerate(reversed(chain)):
        last = i == len(chain) - 1
        inputs = (source, *moved.inputs[1:])
        source = walk.emit(moved.name, moved.op, inputs, node.output if last else _as(walk, node, moved.output))


def _chain(walk: Walk, node: Node, name: str) -> list[Node]:
    """Return nodes above `name` that `node` commutes with, nearest first.

    What takes a part of a tensor ends them, as the rest would be computed for nothing, unless layers above compute it
    all, which `node` becomes a part of.
    """
    chain: list[Node] = []
    maker = walk.sole_maker(name)
    while maker and (_moves(walk, maker) or _pads_kept(maker, node)) and len(chain) < MAX_CHAIN:
        chain.append(maker)
        maker = walk.sole_maker(maker.inputs[0])
    layers = maker is not None and (isinstance(maker.op, Weighted) or _layers(walk, maker))
    return chain if layers else list(takewhile(lambda moved: not _takes_part(walk, moved), chain))


def _takes_part(walk: Walk, node: Node) -> bool:
    x, y = walk.graph.of((node.inputs[0], node.output))
    return isinstance(node.op, Gather | Slice) and x.size > y.size


def _moves(walk: Walk, node: Node) -> bool:
    """Whether a node moves data and does nothing else: a reshape may give integers another scale."""
    x, y = walk.graph.of((node.inputs[0], node.output))
    return isinstance(node.op, _MOVING) and x.meaning == y.meaning


def _pads_kept(node: Node, by: Node) -> bool:
    """Whether a node puts zeros around its input which `by` does not change: integers have one that means zero."""
    bounds = by.op.bounds if isinstance(by.op, Clamp) else OPEN
    return isinstance(node.op, Pad) and node.op.value == 0 and bounds.low <= 0 <= bounds.high


def _as(walk: Walk, node: Node, like: str) -> str:
    """Return a fresh, computed tensor shaped as `like`, of the dtype and quantization that `node` gives."""
    t = walk.graph.tensors[node.output]
    return walk.graph.like(like, dtype=t.dtype, quantization=t.quantization, constant=None)


def _elementwise(walk: Walk, node: Node, x: str) -> str:
    return walk.emit(node.name, node.op, (x,), _as(walk, node, x))


def _layers(walk: Walk, node: Node) -> bool:
    """Whether a node is a concat whose parts are computed by what can clamp them."""
    makers = [walk.sole_maker(name) for name in node.inputs]
    return isinstance(node.op, Concat) and all(m is not None and isinstance(m.op, Weighted) for m in makers)


def _each(walk: Walk, node: Node, concat: Node, *, last: bool) -> str:
    parts = tuple(_elementwise(walk, node, x) for x in concat.inputs)
    return walk.emit(concat.name, concat.op, parts, node.output if last else _as(walk, node, concat.output))


def sink_dequantizes(graph: Graph) -> bool:
    """Turn `move(dequantize(q))` into `dequantize(move(q))`."""
    return rewrite(graph, _down)


def _down(walk: Walk, node: Node) -> None:
    data, others = (node.inputs[:1], node.inputs[1:]) if isinstance(node.op, Gather) else (node.inputs, ())
    movable = isinstance(node.op, (*_MOVING, Concat)) or _pads_kept(node, node)
    sources = [_quantized(walk, name, node) for name in data] if movable else [None]
    if None in sources:
        walk.keep(node)
        return
    quantizations = [walk.graph.tensors[s].quantization for s in sources if s]
    first = quantizations[0]
    if first is None or not all(first.same(q) for q in quantizations):
        walk.keep(node)
        return
    inner = walk.graph.like(node.output, dtype="i8", quantization=first)
    walk.emit(node.name, node.op, (*(s for s in sources if s), *others), inner)
    walk.emit(node.name, Dequantize(), (inner,), node.output)


def _quantized(walk: Walk, name: str, reader: Node) -> str | None:
    """Return the i8 tensor behind a dequantized one: an activation, or a table whose rows are gathered."""
    maker = walk.makers.get(name)
    if not maker or not isinstance(maker.op, Dequantize):
        return None
    t = walk.graph.tensors[maker.inputs[0]]
    if t.quantization is None or not t.quantization.per_tensor:
        return None
    if t.dtype == "u8" and t.constant is not None and isinstance(reader.op, Gather):
        return signed(walk.graph, t)
    return t.name if t.dtype == "i8" else None
