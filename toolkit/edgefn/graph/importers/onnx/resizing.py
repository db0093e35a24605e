"""Images of another size: Resize and Upsample; and pixels that become channels or come from them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor

import numpy as np

from edgefn.graph.importers.bounds import MAX_DIM
from edgefn.graph.importers.onnx.arithmetic import as_dtype
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.importers.onnx.windows import as_images
from edgefn.graph.importers.taps import TAP_WORDS, Array, Taps, cubic, linear, nearest, resampled
from edgefn.graph.ir import NUMPY, Bounds, Shape, Tensor
from edgefn.graph.ops import Clamp

__all__ = ["depth_to_space", "resize", "space_to_depth", "upsample"]

MAX_TAPS = 4096
_F = np.float32


@dataclass(frozen=True, slots=True)
class _Scaling:
    """How one axis grows: from `length` elements, `scale` times as long, to `size` elements."""

    length: int
    scale: float
    size: int

    @property
    def nothing(self) -> bool:
        return self.scale == 1 and self.length == self.size

    @property
    def resized(self) -> np.float32:
        """The length before it is cut to whole elements."""
        return _F(self.length) * _F(self.scale)


type Axes = dict[int, _Scaling]


def _half_pixel(s: _Scaling) -> Array:
    return np.asarray((np.arange(s.size, dtype=_F) + _F(0.5)) / _F(s.scale) - _F(0.5))


def _symmetric(s: _Scaling) -> Array:
    return np.asarray(_F(s.length / 2) * (1 - _F(s.size) / s.resized) + _half_pixel(s))


def _corners(s: _Scaling) -> Array:
    return np.asarray(np.arange(s.size, dtype=_F) * (_F(s.length - 1) / (s.resized - 1) if s.resized != 1 else _F(0)))


# Where in the input the elements of the result lie: f32, as ONNX Runtime computes it.
_COORDINATES: dict[str, Callable[[_Scaling], Array]] = {
    "align_corners": _corners,
    "asymmetric": lambda s: np.arange(s.size, dtype=_F) / _F(s.scale),
    "half_pixel": _half_pixel,
    "half_pixel_symmetric": _symmetric,
    "pytorch_half_pixel": lambda s: _half_pixel(s) if s.size > 1 else np.zeros(1, _F),
    "tf_half_pixel_for_nn": lambda s: (np.arange(s.size, dtype=_F) + _F(0.5)) / _F(s.scale),
}
_ROUNDINGS: dict[str, Callable[[Array], Array]] = {
    "ceil": np.ceil,
    "floor": np.floor,
    "round_prefer_ceil": lambda places: np.floor(places + _F(0.5)),
    "round_prefer_floor": lambda places: np.ceil(places - _F(0.5)),
}


def resize(call: Call) -> str:
    """Constant scales or sizes; every mode but tf_crop_and_resize."""
    if call.opset < 11:
        return _resized(call, _scaled(call, call.constant(1)), "asymmetric", "floor")
    coordinates = call.attribute("coordinate_transformation_mode", "half_pixel")
    if coordinates == "tf_crop_and_resize":
        call.refuse("coordinate_transformation_mode tf_crop_and_resize")
    axes = _scaled(call, call.constant(2)) if call.has(2) and call.input(2).size else _sized(call)
    return _resized(call, axes, coordinates, call.attribute("nearest_mode", "round_prefer_floor"))


def upsample(call: Call) -> str:
    """Scales as an attribute before opset 9, a constant input since."""
    scales = call.constant(1) if call.opset >= 9 else np.array(call.node.attributes.get("scales", ()), _F)
    return _resized(call, _scaled(call, scales), "asymmetric", "floor")


def _axes(call: Call, rank: int) -> list[int]:
    axes = [call.axis(a, rank) for a in call.attribute("axes", tuple(range(rank)))]
    if len(set(axes)) != len(axes):
        call.malformed(f"axes {axes}")
    return axes


def _scaled(call: Call, scales: Array) -> Axes:
    shape = call.input(0).shape
    axes, factors = _axes(call, len(shape)), scales.reshape(-1).astype(np.float64)
    if len(factors) != len(axes) or not bool(np.all((factors > 0) & (factors * max(shape, default=1) < MAX_DIM))):
        call.malformed(f"scales {factors.tolist()} for axes {axes} of a tensor {shape}")
    sizes = [int(np.floor(_F(shape[a]) * _F(f))) for a, f in zip(axes, factors, strict=True)]
    return _axes_of(shape, axes, factors.tolist(), sizes)


def _sized(call: Call) -> Axes:
    shape = call.input(0).shape
    axes, sizes = _axes(call, len(shape)), call.integers(3)
    if len(sizes) != len(axes) or any(not 0 < n <= MAX_DIM for n in sizes):
        call.malformed(f"sizes {sizes} for axes {axes} of a tensor {shape}")
    factors = [n / shape[a] for a, n in zip(axes, sizes, strict=True)]
    policy = call.attribute("keep_aspect_ratio_policy", "stretch")
    if policy not in {"not_larger", "not_smaller", "stretch"}:
        call.malformed(f"keep_aspect_ratio_policy {policy!r}")
    if policy != "stretch":
        factors = [min(factors) if policy == "not_larger" else max(factors)] * len(axes)
        sizes = [floor(f * shape[a] + 0.5) for a, f in zip(axes, factors, strict=True)]
    return _axes_of(shape, axes, factors, sizes)


def _axes_of(shape: Shape, axes: Sequence[int], factors: Sequence[float], sizes: Sequence[int]) -> Axes:
    """Scalings by axis, those first that grow least."""
    found = {a: _Scaling(shape[a], f, n) for a, f, n in zip(axes, factors, sizes, strict=True)}
    return dict(sorted(found.items(), key=lambda entry: entry[1].scale))


def _resized(call: Call, axes: Axes, coordinates: str, rounding: str) -> str:
    """Scale one axis after another."""
    mode = call.attribute("mode", "nearest")
    if mode not in {"nearest", "linear", "cubic"} or coordinates not in _COORDINATES or rounding not in _ROUNDINGS:
        call.malformed(f"mode {mode!r}, coordinate_transformation_mode {coordinates!r}, nearest_mode {rounding!r}")
    x = call.value(0)
    call.scope.check_size(call.node.label, [axes[a].size if a in axes else n for a, n in enumerate(x.shape)])
    call.scope.graph.allowance.demand((max((s.size for s in axes.values()), default=0), TAP_WORDS))
    taps = {axis: _taps(call, s, _COORDINATES[coordinates](s), rounding) for axis, s in axes.items() if not s.nothing}
    if mode == "nearest" or x.dtype == "f32":
        return resampled(call, x, taps)
    return _whole(call, x, taps)


def _whole(call: Call, x: Tensor, taps: dict[int, Taps]) -> str:
    """Averages of integers, cut to integers."""
    reals = call.scope.tensor(as_dtype(call, x.name, "f32"))
    y, ends = resampled(call, reals, taps), np.iinfo(NUMPY[x.dtype])
    inside = call.emit(Clamp(Bounds(ends.min, ends.max)), (y,), call.scope.tensor(y).shape)
    return as_dtype(call, inside, x.dtype)


def _taps(call: Call, s: _Scaling, places: Array, rounding: str) -> Taps:
    mode = call.attribute("mode", "nearest")
    if mode == "nearest":
        return nearest(_ROUNDINGS[rounding](places), s.length)
    shrunk = min(1.0, s.scale) if call.attribute("antialias", 0) else 1.0
    if 4 / shrunk > MAX_TAPS:
        call.refuse(f"scale {s.scale}, which averages more than {MAX_TAPS} elements")
    outside = not call.attribute("exclude_outside", 0)
    if mode == "linear":
        return linear(places, s.length, scale=shrunk, outside=outside)
    return cubic(places, s.length, a=call.attribute("cubic_coeff_a", -0.75), scale=shrunk, outside=outside)


def depth_to_space(call: Call) -> str:
    """Every pixel becomes a block of them, out of its channels."""
    x, block = call.value(0), _block(call)
    if len(x.shape) != 4 or x.shape[1] % block**2:
        call.malformed(f"{x.shape} in blocks of {block}")
    n, c, h, w = x.shape
    depth = c // block**2
    outermost = _depth_outermost(call)
    parts = (depth, block, block) if outermost else (block, block, depth)
    perm = (0, 1, 4, 2, 5, 3) if outermost else (0, 1, 3, 2, 4, 5)
    result = (n, h * block, w * block, depth)
    return as_images(call, x.name, lambda i: _blocks(call, i, (n, h, w, *parts), perm, result))


def space_to_depth(call: Call) -> str:
    """Every block of pixels becomes one, with all their channels."""
    x, block = call.value(0), _block(call)
    if len(x.shape) != 4 or x.shape[2] % block or x.shape[3] % block:
        call.malformed(f"{x.shape} in blocks of {block}")
    n, c, h, w = x.shape[0], x.shape[1], x.shape[2] // block, x.shape[3] // block
    shape = (n, h, block, w, block, c)
    perm = (0, 1, 3, 5, 2, 4) if _depth_outermost(call) else (0, 1, 3, 2, 4, 5)
    return as_images(call, x.name, lambda i: _blocks(call, i, shape, perm, (n, h, w, c * block**2)))


def _depth_outermost(call: Call) -> bool:
    """Whether the channels of a pixel in a block stand together, or those of one depth."""
    mode = call.attribute("mode", "DCR")
    if mode not in {"DCR", "CRD"}:
        call.malformed(f"mode {mode!r}")
    return bool(mode == "CRD")


def _block(call: Call) -> int:
    block: int = call.attribute("blocksize", 0)
    if not 1 <= block <= MAX_DIM:
        call.malformed(f"blocksize {block}")
    return block


def _blocks(call: Call, x: str, shape: Shape, perm: tuple[int, ...], result: Shape) -> str:
    return call.reshape(call.transpose(call.reshape(x, shape), perm), result)
