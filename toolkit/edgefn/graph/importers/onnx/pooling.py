"""AveragePool, MaxPool and their global forms."""

from edgefn.graph.importers.onnx.reduction import reduced
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.importers.onnx.windows import MAX_WINDOW, Pair, as_images, image_size, output_size, read_window
from edgefn.graph.ir import Tensor, Window
from edgefn.graph.ops import AveragePool, FlipSign, MaxPool

__all__ = ["average_pool", "global_average_pool", "global_max_pool", "max_pool"]


def average_pool(call: Call) -> str:
    x = call.real(0)
    window, size, exact = _sliding(call, x)
    counted = bool(call.attribute("count_include_pad", 0))
    if counted and not exact:
        call.refuse("ceil_mode together with count_include_pad")
    op = AveragePool(window, counted)
    return as_images(call, x.name, lambda image: call.emit(op, (image,), (x.shape[0], *size, x.shape[1])))


def max_pool(call: Call) -> str:
    if len(call.node.outputs) > 1 and call.node.outputs[1]:
        call.refuse("the second output (indices)")
    x = call.input(0)
    window, size, _ = _sliding(call, x)
    return _max(call, x, window, size)


def global_average_pool(call: Call) -> str:
    x = call.real(0)
    if not _is_image(x):
        return reduced(call, "mean", x.name, tuple(range(2, len(x.shape))))
    op = AveragePool(_whole(call, x))
    return as_images(call, x.name, lambda image: call.emit(op, (image,), (x.shape[0], 1, 1, x.shape[1])))


def global_max_pool(call: Call) -> str:
    x = call.input(0)
    if x.dtype == "f32" and not _is_image(x):
        return reduced(call, "max", x.name, tuple(range(2, len(x.shape))))
    return _max(call, x, _whole(call, x), (1, 1))


def _is_image(x: Tensor) -> bool:
    """Whether a pool can do it, which can be quantized; else it is a reduction."""
    return len(x.shape) in {3, 4} and max(x.shape[2:]) <= MAX_WINDOW


def _sliding(call: Call, x: Tensor) -> tuple[Window, Pair, bool]:
    """Window, output size, and whether the last windows end within the padded input."""
    size = image_size(call, x.shape)
    if call.attribute("storage_order", 0):
        call.refuse("storage_order")
    kernel = call.attribute("kernel_shape", ())
    if len(kernel) != len(x.shape) - 2:
        call.malformed(f"kernel_shape is {kernel!r}")
    window, after = read_window(call, kernel, size)
    if window.dilation != (1, 1):
        call.refuse(f"dilations {window.dilation} of a pool")
    out = output_size(call, window, after, size, ceil=bool(call.attribute("ceil_mode", 0)))
    return window, out, _ends_within(window, after, size, out)


def _ends_within(window: Window, after: Pair, size: Pair, out: Pair) -> bool:
    """Whether the last windows end within the padded input; with ceil_mode they may not."""
    ends = [(n - 1) * s + k for n, s, k in zip(out, window.stride, window.kernel, strict=True)]
    return all(e <= p + n + a for e, p, n, a in zip(ends, window.pad, size, after, strict=True))


def _whole(call: Call, x: Tensor) -> Window:
    size = image_size(call, x.shape)
    if max(size) > MAX_WINDOW:
        call.refuse(f"an input of shape {x.shape}; up to {MAX_WINDOW} a side is supported")
    return Window(size)


def _max(call: Call, x: Tensor, window: Window, size: Pair) -> str:
    if x.dtype not in {"f32", "i8", "u8"}:
        call.refuse(f"{x.dtype} input {x.name!r}")
    if x.dtype == "u8":
        q = x.quantization.signed if x.quantization else None
        signed = call.scope.tensor(call.emit(FlipSign(), (x.name,), x.shape, dtype="i8", quantization=q))
        y = call.scope.tensor(_max(call, signed, window, size))
        return call.emit(FlipSign(), (y.name,), y.shape, dtype="u8", quantization=x.quantization)
    shape, kind = (x.shape[0], *size, x.shape[1]), {"dtype": x.dtype, "quantization": x.quantization}
    return as_images(call, x.name, lambda i: call.emit(MaxPool(window), (i,), shape, **kind))
