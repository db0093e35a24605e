"""AVERAGE_POOL_2D, MAX_POOL_2D, and MEAN over height and width."""

from edgefn.graph.importers.bounds import MAX_WINDOW
from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.importers.tflite.windows import slide
from edgefn.graph.ir import Window
from edgefn.graph.ops import AveragePool, MaxPool

__all__ = ["average_pool_2d", "max_pool_2d", "mean"]


def average_pool_2d(call: Call) -> str:
    return _pool(call, AveragePool)


def max_pool_2d(call: Call) -> str:
    return _pool(call, MaxPool)


def _pool(call: Call, kind: type[AveragePool] | type[MaxPool]) -> str:
    x = call.images(0)
    call.same_quantization(x)
    kernel = (call.option("filter_height"), call.option("filter_width"))
    window, size = slide(call, kernel, (x.shape[1], x.shape[2]), dilated=False)
    return call.activated(call.emit(kind(window), (x.name,), (x.shape[0], *size, x.shape[3])))


def mean(call: Call) -> str:
    """The mean over both sides of images, in floats."""
    x = call.images(0)
    axes = sorted(call.axis(a, 4) for a in call.integers(1))
    if x.dtype != "f32" or axes != [1, 2] or max(x.shape[1:3]) > MAX_WINDOW:
        call.refuse(f"axes {axes} of {x.dtype} {x.shape}; height and width of f32 images are supported")
    y = call.emit(AveragePool(Window((x.shape[1], x.shape[2]))), (x.name,), (x.shape[0], 1, 1, x.shape[3]))
    return y if call.option("keep_dims") else call.reshape(y, (x.shape[0], x.shape[3]))
