"""AVERAGE_POOL_2D, MAX_POOL_2D and L2_POOL_2D."""

from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.importers.tflite.windows import slide
from edgefn.graph.ir import Tensor
from edgefn.graph.ops import AveragePool, Binary, MaxPool, Unary

__all__ = ["average_pool_2d", "l2_pool_2d", "max_pool_2d"]


def average_pool_2d(call: Call) -> str:
    return call.activated(_pool(call, AveragePool, _images(call)))


def l2_pool_2d(call: Call) -> str:
    """The root of the mean square, in floats."""
    x = _images(call)
    if x.dtype != "f32":
        call.refuse(f"{x.dtype}; f32 is supported")
    squares = call.scope.tensor(call.emit(Binary("mul"), (x.name, x.name), x.shape))
    mean = call.scope.tensor(_pool(call, AveragePool, squares))
    return call.activated(call.emit(Unary("sqrt"), (mean.name,), mean.shape))


def max_pool_2d(call: Call) -> str:
    return call.activated(_pool(call, MaxPool, _images(call)))


def _images(call: Call) -> Tensor:
    x = call.images(0)
    call.same_quantization(x)
    return x


def _pool(call: Call, kind: type[AveragePool] | type[MaxPool], x: Tensor) -> str:
    kernel = (call.option("filter_height"), call.option("filter_width"))
    window, size = slide(call, kernel, (x.shape[1], x.shape[2]), dilated=False)
    return call.emit(kind(window), (x.name,), (x.shape[0], *size, x.shape[3]))
