"""A product of dynamically quantized integers, cast and scaled, is one dense layer that ends in floats."""

from dataclasses import replace

import numpy as np

from edgefn.graph.ir import Graph, Node, Op
from edgefn.graph.ops import Add, Binary, Cast, DenseDynamic, DenseInteger, DynamicRange, FlipSign, Reshape, Slice
from edgefn.graph.passes.walk import Walk, rewrite

__all__ = ["fuse_dynamic"]

SCALE, ZERO = 0, 1  # of a range


def fuse_dynamic(graph: Graph) -> bool:
    """Make `cast(product) * (scale * scales)` a dense layer, and what is added to it its bias."""
    return rewrite(graph, _visit)


def _visit(walk: Walk, node: Node) -> None:
    multiplied = isinstance(node.op, Binary) and node.op.function == "mul"
    added = isinstance(node.op, Add) or (isinstance(node.op, Binary) and node.op.function == "add")
    if not (multiplied and _scaled(walk, node)) and not (added and _biased(walk, node)):
        walk.keep(node)


def _scaled(walk: Walk, node: Node) -> bool:
    for real, scale in (node.inputs, node.inputs[::-1]):
        cast = walk.sole_maker(real)
        total = walk.sole_maker(cast.inputs[0]) if cast and isinstance(cast.op, Cast) else None
        if total and isinstance(total.op, DenseInteger):
            return _fuse(walk, node, total, scale)
    return False


def _fuse(walk: Walk, node: Node, total: Node, scale: str) -> bool:
    """Emit the dense layer, if both scale and zero point are those of one range."""
    graph = walk.graph
    x, zero, w, zeros = total.inputs
    columns = graph.tensors[w].shape[0]
    steps, by = _part(walk, zero, ZERO), _product(walk, scale)
    if steps is None or by is None or _part(walk, by[0], SCALE) != steps:
        return False
    factors = graph.tensors[by[1]].constant
    if factors is None or graph.tensors[node.output].shape != graph.tensors[total.output].shape:
        return False
    if factors.size != 1 and factors.shape != (*[1] * (factors.ndim - 1), columns):
        return False
    spread = np.broadcast_to(factors.reshape(-1), (columns,)).astype(np.float32)
    scales = graph.like(by[1], shape=(columns,), constant=spread)
    bias = graph.like(by[1], shape=(columns,), constant=np.zeros(columns, np.float32))
    walk.emit(node.name, DenseDynamic(), (x, steps, w, zeros, scales, bias), node.output)
    return True


def _product(walk: Walk, scale: str) -> tuple[str, str] | None:
    """The computed and the constant side of a product."""
    maker = walk.makers.get(scale)
    if not maker or not isinstance(maker.op, Binary) or maker.op.function != "mul":
        return None
    a, b = maker.inputs
    return (b, a) if walk.graph.tensors[a].constant is not None else (a, b)


def _part(walk: Walk, name: str, which: int) -> str | None:
    """The range of which `name` is the scale, or the zero point as i8: 128 below what the range says."""
    flips, maker = 0, walk.makers.get(name)
    while maker and isinstance(maker.op, Reshape | Cast | FlipSign):
        flips += isinstance(maker.op, FlipSign)
        maker = walk.makers.get(maker.inputs[0])
    if not maker or maker.op != Slice((which,), (1,)) or flips != (which == ZERO):
        return None
    source = walk.makers.get(maker.inputs[0])
    return maker.inputs[0] if source and isinstance(source.op, DynamicRange) else None


def _biased(walk: Walk, node: Node) -> bool:
    """Make a constant vector that is added to a dense layer without a bias its bias."""
    graph = walk.graph
    for made, addend in (node.inputs, node.inputs[::-1]):
        maker, value = walk.sole_maker(made), graph.tensors[addend].constant
        if not maker or not isinstance(maker.op, DenseDynamic) or not maker.op.bounds.open or value is None:
            continue
        *inputs, bias = maker.inputs
        columns, present = graph.tensors[bias].shape[0], graph.tensors[bias].constant
        if value.size != columns or value.shape[-1:] != (columns,) or present is None or present.any():
            continue
        if graph.tensors[node.output].shape != graph.tensors[made].shape:
            continue
        vector = graph.like(addend, shape=(columns,), constant=value.reshape(columns))
        walk.emit(maker.name, _ended(maker.op, node.op), (*inputs, vector), node.output)
        return True
    return False


def _ended(op: DenseDynamic, addition: Op) -> DenseDynamic:
    return replace(op, bounds=addition.bounds) if isinstance(addition, Add) else op
