"""Dilated convolutions of models that leave the batch open: pixels a block apart become images, and pixels again.

Converters write them as SPACE_TO_BATCH_ND, a convolution without padding or strides, and BATCH_TO_SPACE_ND. They are
one convolution, the dilation of which is the block.
"""

from dataclasses import dataclass

from edgefn.graph.importers.tflite.scope import Call, Spread
from edgefn.graph.ir import OPEN, Bounds, Node, Shape, Window
from edgefn.graph.ops import Clamp, Conv2d, Depthwise, Reshape

__all__ = ["gathered"]

type Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Plain:
    """A convolution without padding, strides or dilation, and bounds of what it computes."""

    node: Node
    op: Conv2d | Depthwise
    bounds: Bounds


def gathered(call: Call, x: str, blocks: Pair, cut: Pair, shape: Shape) -> str | None:
    """The images `[N, H, W, C]` of `shape` that `x` is put together to, `cut` pixels left out in front of each side.

    None where `x` is something else than a convolution of what was taken apart likewise.
    """
    plain = _plain(call, x) or _plain(call, _behind_reshape(call, x))
    spread = _taken_apart(call, plain.node.inputs[0]) if plain else None
    if plain is None or spread is None or spread.blocks != blocks:
        return None
    read, made = (call.scope.tensor(name).shape for name in (plain.node.inputs[0], plain.node.output))
    kernel, source = plain.op.window.kernel, call.scope.tensor(spread.source)
    sides = [read[1:3] == spread.sides, read[1:3] == spread.sides[::-1] and source.shape[2] == 1]
    order = slice(None) if sides[0] else slice(None, None, -1)  # a sequence may be an image one pixel high
    pads = [a - b for a, b in zip(spread.first, cut, strict=True)]
    (down, across), (by_rows, by_columns) = pads[order], list(blocks)[order]
    fits = 0 <= down <= (kernel[0] - 1) * by_rows and 0 <= across <= (kernel[1] - 1) * by_columns
    valid = all(m == r - k + 1 for m, r, k in zip(made[1:3], read[1:3], kernel, strict=True))
    reach = all(out <= side + pad for out, side, pad in zip(shape[1:3], source.shape[1:3], pads, strict=True))
    if not (any(sides) and fits and valid and reach):
        return None
    images = call.reshape(source.name, (source.shape[0], *source.shape[1:3][order], source.shape[3]))
    window = Window(kernel, (1, 1), (by_rows, by_columns), (down, across))
    op = type(plain.op)(window, bounds=plain.op.bounds)
    inputs, like = (images, *plain.node.inputs[1:]), call.scope.tensor(plain.node.output)
    y = call.emit(op, inputs, (shape[0], *shape[1:3][order], shape[3]), like)
    return call.reshape(call.clamped(y, plain.bounds), shape)


def _taken_apart(call: Call, name: str) -> Spread | None:
    known = call.scope.spread
    return known.get(name) or known.get(_behind_reshape(call, name))


def _behind_reshape(call: Call, name: str) -> str:
    node = call.scope.made.get(name)
    return node.inputs[0] if node is not None and isinstance(node.op, Reshape) else name


def _plain(call: Call, name: str) -> Plain | None:
    node, bounds = call.scope.made.get(name), OPEN
    if node is not None and isinstance(node.op, Clamp):
        bounds = node.op.bounds
        node = call.scope.made.get(node.inputs[0])
    if node is None or not isinstance(node.op, Conv2d | Depthwise) or node.op.window != Window(node.op.window.kernel):
        return None
    return Plain(node, node.op, bounds)
