"""Matrix products read what was transposed from where it lies, and write what will be transposed to where it goes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from edgefn.graph.ir import Graph, Node, Shape
from edgefn.graph.ops import MatMul, Reshape, Strides, Transpose
from edgefn.graph.passes.walk import Walk, rewrite

__all__ = ["absorb_moves"]


@dataclass(frozen=True, slots=True)
class _Axis:
    """`length` steps of `here` elements in one tensor, which are `there` elements each in another."""

    length: int
    here: int
    there: int


def absorb_moves(graph: Graph) -> bool:
    """Make transposes and reshapes around a product the strides by which it reads and writes."""
    return rewrite(graph, _visit)


def _visit(walk: Walk, node: Node) -> None:
    if isinstance(node.op, MatMul):
        (a, of_a), (b, of_b) = (_source(walk, node, node.op, index) for index in (0, 1))
        walk.emit(node.name, replace(node.op, a=of_a, b=of_b), (a, b), node.output)
    elif not isinstance(node.op, Transpose) or not _writes(walk, node, node.op):
        walk.keep(node)


def _source(walk: Walk, node: Node, op: MatMul, index: int) -> tuple[str, Strides]:
    """What operand `index` was before it was moved, and the strides that read it there."""
    name, strides = node.inputs[index], (op.a, op.b)[index]
    sizes = (*op.batch, op.m, op.k) if index == 0 else (*op.batch, op.k, op.n)
    while maker := walk.makers.get(name):
        (source,) = maker.inputs[:1]
        if isinstance(maker.op, Transpose):
            shape = walk.graph.tensors[source].shape
            axes = _axes([shape[p] for p in maker.op.perm], [_steps(shape)[p] for p in maker.op.perm])
            moved = _moved(strides, sizes, axes)
            if moved is None:
                break
            strides = moved
        elif not isinstance(maker.op, Reshape):
            break
        name = source
    return name, strides


def _writes(walk: Walk, node: Node, transpose: Transpose) -> bool:
    """Let the product that computes what is transposed write it transposed, if its columns still lie close."""
    maker = walk.sole_maker(node.inputs[0])
    while maker and isinstance(maker.op, Reshape):
        maker = walk.sole_maker(maker.inputs[0])
    if not maker or not isinstance(maker.op, MatMul):
        return False
    op, source, target = maker.op, walk.graph.tensors[node.inputs[0]].shape, walk.graph.tensors[node.output].shape
    steps = dict(zip(transpose.perm, _steps(target), strict=True))
    moved = _moved(op.y, (*op.batch, op.m, op.n), _axes(source, [steps[i] for i in range(len(source))]))
    if moved is None or (op.n > 1 and moved.column != 1):
        return False
    walk.emit(maker.name, replace(op, y=replace(moved, column=1)), maker.inputs, node.output)
    return True


def _steps(shape: Sequence[int]) -> list[int]:
    return [prod(shape[i + 1 :]) for i in range(len(shape))]


def _axes(shape: Sequence[int], there: Sequence[int]) -> list[_Axis]:
    """The axes of a contiguous tensor of `shape`, with the strides they have elsewhere."""
    return [_Axis(*axis) for axis in zip(shape, _steps(shape), there, strict=True)]


def _moved(strides: Strides, sizes: Shape, axes: Sequence[_Axis]) -> Strides | None:
    """Strides elsewhere for strides here; None where they would have to jump."""
    walks = zip(sizes, (*strides.batch, strides.row, strides.column), strict=True)
    found = [_elsewhere(size, stride, axes) for size, stride in walks]
    known = [stride for stride in found if stride is not None]
    return Strides(tuple(known[:-2]), known[-2], known[-1]) if len(known) == len(found) else None


def _elsewhere(size: int, stride: int, axes: Sequence[_Axis]) -> int | None:
    """The stride elsewhere of `size` steps of `stride` here, through one axis after the other."""
    if size == 1 or stride == 0:
        return 0
    at, end = stride, stride * size
    axis = _axis_at(axes, at)
    found = at // axis.here * axis.there
    while at < end:
        axis = _axis_at(axes, at)
        stop = min(end, axis.here * axis.length)
        if at % axis.here or stop % at or at // axis.here * axis.there != found * (at // stride):
            return None
        at = stop
    return found


def _axis_at(axes: Sequence[_Axis], at: int) -> _Axis:
    return next(axis for axis in axes if axis.here <= at < axis.here * axis.length)
