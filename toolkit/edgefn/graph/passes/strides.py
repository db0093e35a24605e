"""Matrix products read what was moved from where it lies, and write what will be moved to where it goes.

Where elements come from is followed as an array of their places in the tensor before; strides that give the same places
do the same as the move.
"""

from dataclasses import replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.ir import Graph, Node, Shape
from edgefn.graph.ops import MatMul, Reshape, Slice, Strides, Transpose
from edgefn.graph.passes.walk import Walk, rewrite

__all__ = ["absorb_moves"]

type Places = NDArray[np.int64]

MAX_PLACES = 1 << 22  # of one operand


def absorb_moves(graph: Graph) -> bool:
    """Make transposes, reshapes and slices around a product the strides by which it reads and writes."""
    return rewrite(graph, _visit)


def _visit(walk: Walk, node: Node) -> None:
    if isinstance(node.op, MatMul):
        op = node.op
        a, of_a = _source(walk, node.inputs[0], op.a, (*op.batch, op.m, op.k))
        b, of_b = _source(walk, node.inputs[1], op.b, (*op.batch, op.k, op.n))
        walk.emit(node.name, replace(op, a=of_a, b=of_b), (a, b), node.output)
    elif not isinstance(node.op, Transpose) or not _writes(walk, node, node.op):
        walk.keep(node)


def _source(walk: Walk, name: str, strides: Strides, sizes: Shape) -> tuple[str, Strides]:
    """What an operand was before it was moved, and the strides that read it there."""
    tensors, places = walk.graph.tensors, None
    while (maker := walk.makers.get(name)) and isinstance(maker.op, Transpose | Reshape | Slice):
        source = tensors[maker.inputs[0]]
        if not _looked_at(walk, source.size, prod(sizes)):
            break
        places = _places(strides, sizes) if places is None else places
        there = _moved(maker.op, source.shape, tensors[name].shape).reshape(-1)[places]
        found = _strides(there)
        if found is None:
            break
        name, strides, places = source.name, found, there
    return name, strides


def _looked_at(walk: Walk, *sizes: int) -> bool:
    """Whether tensors of these sizes may be looked at, element by element."""
    return max(sizes) <= MAX_PLACES and walk.graph.allowance.look(sum(sizes))


def _writes(walk: Walk, node: Node, transpose: Transpose) -> bool:
    """Let the product that computes what is transposed write it transposed, if its columns still lie close."""
    source = walk.graph.tensors[node.inputs[0]]
    maker = walk.sole_maker(source.name)
    while maker and isinstance(maker.op, Reshape):
        maker = walk.sole_maker(maker.inputs[0])
    if not maker or not isinstance(maker.op, MatMul) or not _looked_at(walk, source.size):
        return False
    op = maker.op
    there = np.argsort(np.arange(source.size).reshape(source.shape).transpose(transpose.perm).reshape(-1))
    strides = _strides(there[_places(op.y, (*op.batch, op.m, op.n))])
    if strides is None or (op.n > 1 and strides.column != 1):
        return False
    walk.emit(maker.name, replace(op, y=strides), maker.inputs, node.output)
    return True


def _moved(op: Transpose | Reshape | Slice, shape: Shape, to: Shape) -> Places:
    """For every element of what `op` makes of a tensor of `shape`, its place there."""
    places = np.arange(prod(shape)).reshape(shape)
    match op:
        case Transpose(perm):
            return places.transpose(perm)
        case Reshape():
            return places.reshape(to)
        case Slice():
            return op.of(places, to)


def _places(strides: Strides, sizes: Shape) -> Places:
    """The places of all elements, `[*batch, rows, columns]`."""
    total = np.full(sizes, strides.first, np.int64)
    for axis, step in enumerate((*strides.batch, strides.row, strides.column)):
        along = [1] * len(sizes)
        along[axis] = sizes[axis]
        total += (step * np.arange(sizes[axis])).reshape(along)
    return total


def _strides(places: Places) -> Strides | None:
    """Strides that give these places, if there are any that do not go backwards."""
    first = int(places.flat[0])
    steps = [int(places.take(1, i).flat[0]) - first if n > 1 else 0 for i, n in enumerate(places.shape)]
    found = Strides(tuple(steps[:-2]), steps[-2], steps[-1], first)
    same = min(steps) >= 0 and np.array_equal(_places(found, places.shape), places)
    return found if same else None
