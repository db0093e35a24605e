"""Images of another size, and blocks of pixels that become channels, or images of the batch, or come from them."""

from collections.abc import Callable

import numpy as np

from edgefn.graph.importers.bounds import MAX_DIM
from edgefn.graph.importers.taps import TAP_WORDS, Array, Taps, linear, nearest, resampled
from edgefn.graph.importers.tflite.dilation import gathered
from edgefn.graph.importers.tflite.scope import Call, Spread
from edgefn.graph.ir import Shape, Tensor
from edgefn.graph.ops import Bilinear, Pad, Slice, Transpose
from edgefn.graph.ops.bilinear import ONE

__all__ = [
    "batch_to_space",
    "depth_to_space",
    "resize_bilinear",
    "resize_nearest",
    "space_to_batch",
    "space_to_depth",
]

_F = np.float32


def resize_nearest(call: Call) -> str:
    """Constant sizes."""
    x = call.movable(0)

    def taps(length: int, size: int) -> Taps:
        half = _F(0.5) if call.option("half_pixel_centers") else _F(0)
        places = (np.arange(size, dtype=_F) + half) * _scale(call, length, size)
        # Halves go away from zero, as C rounds.
        return nearest(np.floor(places + _F(0.5)) if call.option("align_corners") else np.floor(places), length)

    return _resized(call, x, taps)


def resize_bilinear(call: Call) -> str:
    """Constant sizes."""
    x = call.movable(0)
    if x.dtype == "i8":
        return _between(call, x)
    if x.dtype != "f32":
        call.refuse(f"{x.dtype}; f32 and i8 are supported")

    def taps(length: int, size: int) -> Taps:
        at, scale = np.arange(size, dtype=_F), _scale(call, length, size)
        half = _F(0.5)
        return linear((at + half) * scale - half if call.option("half_pixel_centers") else at * scale, length)

    return _resized(call, x, taps)


def _between(call: Call, x: Tensor) -> str:
    """Integers in the fixed point of TFLite's reference kernel, with ten bits behind the point."""
    sizes = _sizes(call, x)
    tables = []
    for axis, size in zip((1, 2), sizes, strict=True):
        length, corners = x.shape[axis], int(call.option("align_corners") and size > 1)
        scale = (ONE * (length - corners) + (size - corners) // 2) // (size - corners)
        at = np.arange(size, dtype=np.int64) * scale
        if call.option("half_pixel_centers"):
            at += scale // 2 - ONE // 2
        first = np.maximum(np.trunc(at / ONE), 0).astype(np.int64)
        second = np.minimum(np.trunc((at + ONE - 1) / ONE).astype(np.int64), length - 1)
        first = np.minimum(first, length - 1)
        part = np.where(first == second, 0, at - ONE * first)  # at the ends TFLite goes on beyond them, to no effect
        table = np.stack([first, second, part], axis=1)
        tables.append(call.scope.constant(f"{call.label}.{'rows' if axis == 1 else 'columns'}", table.astype(np.int32)))
    return call.moved(Bilinear(), x, (x.shape[0], *sizes, x.shape[3]), *tables)


def _scale(call: Call, length: int, size: int) -> Array:
    corners = call.option("align_corners") and size > 1
    return np.asarray(_F(length - corners) / _F(size - corners))


def _sizes(call: Call, x: Tensor) -> list[int]:
    sizes = call.integers(1)
    if len(x.shape) != 4 or len(sizes) != 2 or not all(0 < n <= MAX_DIM for n in sizes):
        call.malformed(f"{x.shape} to sizes {sizes}")
    call.scope.check_size(call.label, (x.shape[0], *sizes, x.shape[3]))
    call.scope.graph.allowance.demand((max(sizes), TAP_WORDS))
    return sizes


def _resized(call: Call, x: Tensor, taps: Callable[[int, int], Taps]) -> str:
    sizes = _sizes(call, x)
    grown = sorted((1, 2), key=lambda axis: sizes[axis - 1] / x.shape[axis])  # what grows least comes first
    return resampled(call, x, {a: taps(x.shape[a], sizes[a - 1]) for a in grown if x.shape[a] != sizes[a - 1]})


def depth_to_space(call: Call) -> str:
    """Every pixel becomes a block of them, out of its channels."""
    x, block = call.movable(0), _block(call)
    if len(x.shape) != 4 or x.shape[3] % block**2:
        call.malformed(f"{x.shape} in blocks of {block}")
    n, h, w, c = x.shape
    depth = c // block**2
    return _blocks(call, x, (n, h, w, block, block, depth), (0, 1, 3, 2, 4, 5), (n, h * block, w * block, depth))


def space_to_depth(call: Call) -> str:
    """Every block of pixels becomes one, with all their channels."""
    x, block = call.movable(0), _block(call)
    if len(x.shape) != 4 or x.shape[1] % block or x.shape[2] % block:
        call.malformed(f"{x.shape} in blocks of {block}")
    n, h, w, c = x.shape[0], x.shape[1] // block, x.shape[2] // block, x.shape[3]
    return _blocks(call, x, (n, h, block, w, block, c), (0, 1, 3, 2, 4, 5), (n, h, w, c * block**2))


def _block(call: Call) -> int:
    block: int = call.option("block_size")
    if not 1 <= block <= MAX_DIM:
        call.malformed(f"block_size {block}")
    return block


def space_to_batch(call: Call) -> str:
    """Pixels that lie a block apart become an image of their own, after zeros are padded."""
    source, (bh, bw), ((top, bottom), (left, right)) = _windows(call)
    x, (n, h, w, c) = source, source.shape
    h, w = h + top + bottom, w + left + right
    if h % bh or w % bw:
        call.malformed(f"{h}x{w} pixels in blocks of {bh}x{bw}")
    if (h, w) != x.shape[1:3]:
        x = call.scope.tensor(call.moved(Pad((0, top, left, 0)), x, (n, h, w, c)))
    shape = (n, h // bh, bh, w // bw, bw, c)
    made = _as_given(call, _blocks(call, x, shape, (2, 4, 0, 1, 3, 5), (bh * bw * n, h // bh, w // bw, c)))
    call.scope.spread[made] = Spread(source.name, (bh, bw), (top, left), (h // bh, w // bw))
    return made


def batch_to_space(call: Call) -> str:
    """The reverse, after which a border is cut off."""
    x, (bh, bw), ((top, bottom), (left, right)) = _windows(call)
    n, h, w, c = x.shape[0] // (bh * bw), x.shape[1], x.shape[2], x.shape[3]
    if x.shape[0] % (bh * bw) or top + bottom >= h * bh or left + right >= w * bw:
        call.malformed(f"{x.shape} in blocks of {bh}x{bw}, cut by {(top, bottom)} and {(left, right)}")
    shape = (n, h * bh - top - bottom, w * bw - left - right, c)
    found = gathered(call, call.input(0).name, (bh, bw), (top, left), shape)
    if found is not None:
        return _as_given(call, found)
    y = _blocks(call, x, (bh, bw, n, h, w, c), (2, 3, 0, 4, 1, 5), (n, h * bh, w * bw, c))
    if any((top, bottom, left, right)):
        y = call.moved(Slice((0, top, left, 0), (1,) * 4), call.scope.tensor(y), shape)
    return _as_given(call, y)


type Borders = tuple[tuple[int, int], tuple[int, int]]


def _windows(call: Call) -> tuple[Tensor, tuple[int, int], Borders]:
    """Images, and constant block sizes and borders of both sides; a sequence is an image one pixel wide."""
    x, blocks, borders = call.movable(0), call.integers(1), call.constant(2)
    if (len(x.shape), len(blocks)) not in {(3, 1), (4, 2)} or borders.shape != (len(blocks), 2):
        call.refuse(f"blocks {blocks} of a tensor {x.shape}; all sides of images and sequences are supported")
    if not all(1 <= b <= MAX_DIM for b in blocks) or bool(((borders < 0) | (borders > MAX_DIM)).any()):
        call.malformed(f"blocks {blocks} and borders {borders.tolist()}")
    if len(blocks) == 1:
        x = call.scope.tensor(call.reshape(x.name, (*x.shape[:2], 1, x.shape[2])))
        blocks, borders = [*blocks, 1], np.concatenate([borders, [[0, 0]]])
    rows, columns = ((int(a), int(b)) for a, b in borders)
    return x, (blocks[0], blocks[1]), (rows, columns)


def _as_given(call: Call, images: str) -> str:
    """Images, or the sequences that they stand for."""
    n, h, w, c = call.scope.tensor(images).shape
    return images if len(call.input(0).shape) == 4 else call.reshape(images, (n, h * w, c))


def _blocks(call: Call, x: Tensor, shape: Shape, perm: tuple[int, ...], result: Shape) -> str:
    blocks = call.scope.tensor(call.reshape(x.name, shape))
    return call.reshape(call.moved(Transpose(perm), blocks, [shape[p] for p in perm]), result)
