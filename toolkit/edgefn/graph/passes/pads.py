"""Zeros around the input of a convolution or of an average go into its window, which reads them where nothing is."""

from dataclasses import replace

from edgefn.graph.ir import Graph, Node, Op, Shape, Window
from edgefn.graph.ops import AveragePool, Conv2d, Depthwise, Pad, Transpose
from edgefn.graph.passes.walk import Walk, rewrite

__all__ = ["fold_pads"]

IN_ORDER = (0, 1, 2, 3)


def fold_pads(graph: Graph) -> bool:
    return rewrite(graph, _visit)


def _visit(walk: Walk, node: Node) -> None:
    graph, found = walk.graph, _pad(walk, node)
    op = _widened(graph, node, *found) if found else None
    if found is None or op is None:
        walk.keep(node)
        return
    pad, perm = found
    x, shape = pad.inputs[0], graph.tensors[pad.inputs[0]].shape
    if perm != IN_ORDER:
        x = walk.emit(pad.name, Transpose(perm), (x,), graph.like(node.inputs[0], shape=tuple(shape[p] for p in perm)))
    walk.emit(node.name, op, (x, *node.inputs[1:]), node.output)


def _pad(walk: Walk, node: Node) -> tuple[Node, tuple[int, ...]] | None:
    """Return the pad with zeros that a convolution or an average reads, perhaps through a transpose, and its order."""
    if not isinstance(node.op, Conv2d | Depthwise | AveragePool):
        return None
    maker = walk.makers.get(node.inputs[0])
    perm: tuple[int, ...] = IN_ORDER
    if maker and isinstance(maker.op, Transpose):
        perm = maker.op.perm
        maker = walk.makers.get(maker.inputs[0])
    return (maker, perm) if maker and isinstance(maker.op, Pad) and maker.op.value == 0 else None


def _widened(graph: Graph, node: Node, pad: Node, perm: tuple[int, ...]) -> Op | None:
    """Return the op that pads by itself; None when its window cannot."""
    if not isinstance(node.op, Conv2d | Depthwise | AveragePool) or not isinstance(pad.op, Pad):
        return None
    shape, begin = graph.tensors[pad.inputs[0]].shape, tuple(pad.op.begin[p] for p in perm)
    size = (shape[perm[1]], shape[perm[2]])
    (n, h, w, c), (_, oh, ow, _) = (graph.tensors[name].shape for name in (node.inputs[0], node.output))
    if (n, c) != (shape[perm[0]], shape[perm[3]]) or begin[0] or begin[3]:
        return None
    window = node.op.window
    wide = replace(window, pad=(window.pad[0] + begin[1], window.pad[1] + begin[2]))
    if not _holds(wide, size, (oh, ow)):
        return None
    if not isinstance(node.op, AveragePool):
        return replace(node.op, window=wide)
    # A mean over zeros that were there counts them all.
    ends = [(o - 1) * s + k for o, s, k in zip((oh, ow), window.stride, window.kernel, strict=True)]
    inside = ends[0] <= h and ends[1] <= w and window.pad == (0, 0)
    fixed = graph.rounding == "fixed" and graph.tensors[node.output].dtype == "i8"  # which cannot count them
    return replace(node.op, window=wide, count_padding=True) if inside and not fixed else None


def _holds(window: Window, size: Shape, out: Shape) -> bool:
    """Whether pads are less than the kernel, and every window begins inside the input or in front of it."""
    sides = zip(window.kernel, window.dilation, window.pad, window.stride, size, out, strict=True)
    return all(p < (k - 1) * d + 1 and (o - 1) * s < n + p for k, d, p, s, n, o in sides)
