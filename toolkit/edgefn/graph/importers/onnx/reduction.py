"""One number for all along some axes: ReduceXxx, ArgMax, ArgMin, and the mean of an image."""

from collections.abc import Callable, Sequence

from edgefn.graph.importers.bounds import MAX_WINDOW
from edgefn.graph.importers.onnx.arithmetic import as_dtype
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.importers.onnx.windows import as_images, image_size
from edgefn.graph.ir import Tensor, Window
from edgefn.graph.ops import Arg, AveragePool, Reduce

__all__ = ["arg", "average_of_images", "pooled", "read_axes", "reduce", "reduced"]


def reduce(function: str) -> Callable[[Call], str]:
    """Axes are an attribute, or an input in newer opsets; none are all, unless noop_with_empty_axes."""

    def handler(call: Call) -> str:
        x = call.value(0)
        axes = read_axes(call, len(x.shape))
        if not axes and call.attribute("noop_with_empty_axes", 0):
            if function in {"sum", "mean", "max", "min", "prod"}:
                return x.name
            axes = ()
        else:
            axes = axes or tuple(range(len(x.shape)))
        y = _reduced(call, function, x, axes)
        if call.attribute("keepdims", 1):
            return y
        return call.reshape(y, [d for i, d in enumerate(x.shape) if i not in axes])

    return handler


def read_axes(call: Call, rank: int) -> tuple[int, ...]:
    """The axes of a reduction, in order; none when the model names none."""
    axes: Sequence[int] = call.integers(1) if call.has(1) else call.attribute("axes", ())
    return tuple(sorted({call.axis(a, rank) for a in axes}))


def _reduced(call: Call, function: str, x: Tensor, axes: tuple[int, ...]) -> str:
    if function == "mean" and x.dtype == "f32" and len(x.shape) == 4 and axes == (2, 3):
        return average_of_images(call, x)
    if x.dtype in {"i8", "u8"}:
        wide = call.scope.tensor(as_dtype(call, x.name, "i32"))
        return as_dtype(call, _reduced(call, function, wide, axes), x.dtype)
    if x.dtype != "f32" and function not in {"sum", "mean", "max", "min", "prod"}:
        x = call.scope.tensor(as_dtype(call, x.name, "f32"))
        return as_dtype(call, reduced(call, function, x.name, axes), "i32")
    return reduced(call, function, x.name, axes)


def reduced(call: Call, function: str, x: str, axes: Sequence[int]) -> str:
    """A reduction that keeps its axes."""
    t = call.scope.tensor(x)
    shape = [1 if i in axes else d for i, d in enumerate(t.shape)]
    return call.emit(Reduce(function, tuple(axes)), (x,), shape, dtype=t.dtype)


def average_of_images(call: Call, x: Tensor) -> str:
    """The mean over height and width `[N, C, H, W]` or `[N, C, W]`: where it fits a pool, which can be quantized."""
    if not pooled(x):
        return reduced(call, "mean", x.name, tuple(range(2, len(x.shape))))
    op = AveragePool(Window(image_size(call, x.shape)))
    return as_images(call, x.name, lambda image: call.emit(op, (image,), (x.shape[0], 1, 1, x.shape[1])))


def pooled(x: Tensor) -> bool:
    """Whether a pool can do it, which can be quantized; else it is a reduction."""
    return len(x.shape) in {3, 4} and max(x.shape[2:]) <= MAX_WINDOW


def arg(*, smallest: bool) -> Callable[[Call], str]:
    """ArgMax and ArgMin."""

    def handler(call: Call) -> str:
        x = call.value(0)
        axis = call.axis(call.attribute("axis", 0), len(x.shape))
        op = Arg(axis, smallest, bool(call.attribute("select_last_index", 0)))
        shape = [1 if i == axis else d for i, d in enumerate(x.shape)]
        y = call.emit(op, (x.name,), shape, dtype="i32")
        if call.attribute("keepdims", 1):
            return y
        return call.reshape(y, [d for i, d in enumerate(x.shape) if i != axis])

    return handler
