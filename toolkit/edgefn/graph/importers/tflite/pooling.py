"""AVERAGE_POOL_2D and MAX_POOL_2D."""

from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.importers.tflite.windows import slide
from edgefn.graph.ops import AveragePool, MaxPool

__all__ = ["average_pool_2d", "max_pool_2d"]


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
