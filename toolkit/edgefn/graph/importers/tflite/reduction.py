"""One number for all along some axes: SUM, MEAN, REDUCE_MAX and their like, ARG_MAX; CUMSUM and L2_NORMALIZATION."""

from collections.abc import Callable

import numpy as np

from edgefn.graph.importers.bounds import MAX_WINDOW
from edgefn.graph.importers.tflite.arithmetic import as_dtype, combine, number
from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.ir import RUNTIME, Shape, Tensor, Window
from edgefn.graph.ops import Arg, AveragePool, Cast, Dense, L2NormQ8, MaxPool, Reduce, ReduceQ8, Transpose
from edgefn.graph.ops.l2_norm_q8 import MAX_ROW, Y_SCALE

__all__ = ["arg", "cumsum", "l2_normalization", "log_softmax", "logical", "mean", "reduced", "sum_"]

MAX_CUMULATED = 2048  # a matrix of its square
LEAST_NORM = 1e-6
_IMAGE = (1, 2)


def _axes(call: Call, rank: int) -> tuple[int, ...]:
    return tuple(sorted({call.axis(a, rank) for a in call.integers(1)}))


def _kept(x: Tensor, axes: tuple[int, ...]) -> Shape:
    return tuple(1 if i in axes else d for i, d in enumerate(x.shape))


def _emitted(call: Call, function: str, x: Tensor, axes: tuple[int, ...]) -> str:
    """A reduction of f32 or i32 that keeps its axes."""
    shape = _kept(x, axes)
    return call.emit(Reduce(function, axes), (x.name,), shape, Tensor(call.label, x.dtype, shape))


def _left(call: Call, y: str, axes: tuple[int, ...]) -> str:
    """Without the axes, unless they are kept."""
    shape = call.scope.tensor(y).shape
    return y if call.option("keep_dims") else call.reshape(y, [d for i, d in enumerate(shape) if i not in axes])


def _pooled(x: Tensor, axes: tuple[int, ...]) -> bool:
    """Whether a pool can do it."""
    return len(x.shape) == 4 and axes == _IMAGE and max(x.shape[1:3]) <= MAX_WINDOW


def _pool(call: Call, kind: type[AveragePool] | type[MaxPool], x: Tensor) -> str:
    return call.emit(kind(Window((x.shape[1], x.shape[2]))), (x.name,), _kept(x, _IMAGE))


def _numbers(call: Call) -> Tensor:
    """The input, of the output's type, perhaps in another quantization."""
    x, y = call.value(0), call.output
    if x.dtype != RUNTIME[y.dtype]:
        call.malformed(f"input is {x.dtype}, output is {y.dtype}")
    return x


def mean(call: Call) -> str:
    x = _numbers(call)
    axes = _axes(call, len(x.shape))
    if x.dtype == "f32" and _pooled(x, axes):
        return _left(call, _pool(call, AveragePool, x), axes)
    return _total(call, "mean", x, axes)


def sum_(call: Call) -> str:
    """i8 of one quantization TFLite adds as bytes, whatever they mean.

    Of others LiteRT's optimized kernel is followed: BUILTIN_REF of 2.3 takes i8 for u8 here.
    """
    x = _numbers(call)
    if x.dtype == "i8" and x.meaning == call.output.meaning:
        call.refuse("an i8 input and output of one quantization, which TFLite adds as bytes")
    return _total(call, "sum", x, _axes(call, len(x.shape)))


def _total(call: Call, function: str, x: Tensor, axes: tuple[int, ...]) -> str:
    if x.dtype == "i8":
        call.numbers(0)
        return _left(call, call.emit(ReduceQ8(axes, function == "mean"), (x.name,), _kept(x, axes)), axes)
    return _left(call, _emitted(call, function, _summable(call, x), axes), axes)


def _summable(call: Call, x: Tensor) -> Tensor:
    if x.dtype not in {"f32", "i32"}:
        call.refuse(f"{x.dtype} input {x.name!r}; f32, i32 and i8 are supported")
    return x


def reduced(function: str) -> Callable[[Call], str]:
    """REDUCE_MAX, REDUCE_MIN and REDUCE_PROD; the first two also of i8 of one quantization."""

    def handler(call: Call) -> str:
        x = call.joinable(0)
        axes = _axes(call, len(x.shape))
        if function == "max" and x.dtype in {"f32", "i8"} and _pooled(x, axes):
            return _left(call, _pool(call, MaxPool, x), axes)
        if x.dtype != "i8" or function == "prod":
            return _left(call, _emitted(call, function, _summable(call, x), axes), axes)
        y = _emitted(call, function, call.scope.tensor(as_dtype(call, x.name, "i32")), axes)
        return _left(call, _as_bytes(call, y, x), axes)

    return handler


def _as_bytes(call: Call, y: str, x: Tensor) -> str:
    """Integers in the type and quantization of `x`."""
    return call.emit(Cast(), (y,), call.scope.tensor(y).shape, x)


def logical(function: str) -> Callable[[Call], str]:
    """REDUCE_ANY and REDUCE_ALL, which are the largest and the smallest."""

    def handler(call: Call) -> str:
        x = call.value(0)
        if x.dtype != "u8":
            call.malformed(f"an input of {x.dtype}")
        axes = _axes(call, len(x.shape))
        y = _emitted(call, function, call.scope.tensor(as_dtype(call, x.name, "i32")), axes)
        return _left(call, as_dtype(call, y, "u8"), axes)

    return handler


def arg(*, smallest: bool) -> Callable[[Call], str]:
    """ARG_MAX and ARG_MIN: of equal ones the first."""

    def handler(call: Call) -> str:
        x, axes = call.value(0), call.integers(1)
        if len(axes) != 1:
            call.malformed(f"axes {axes}")
        axis = call.axis(axes[0], len(x.shape))
        shape = _kept(x, (axis,))
        y = call.emit(Arg(axis, smallest), (x.name,), shape, Tensor(call.label, "i32", shape))
        return call.reshape(y, [d for i, d in enumerate(x.shape) if i != axis])

    return handler


def cumsum(call: Call) -> str:
    """Products with a triangle of ones, along the last axis."""
    x, axes = _numbers(call), call.integers(1)
    if x.dtype != "f32" or len(axes) != 1:
        call.refuse(f"{x.dtype} along the axes {axes}; f32 along one is supported")
    axis = call.axis(axes[0], len(x.shape))
    n = x.shape[axis]
    if n > MAX_CUMULATED:
        call.refuse(f"{n:,} numbers are summed up; up to {MAX_CUMULATED:,} is supported")
    call.scope.graph.allowance.demand((n, n))
    ones = np.tril(np.ones((n, n), np.float32), -1 if call.option("exclusive") else 0)
    weights = call.scope.constant(f"{call.label}.ones", ones.T.copy() if call.option("reverse") else ones)
    there = (*(i for i in range(len(x.shape)) if i != axis), axis)
    y = call.scope.tensor(_transposed(call, x, there))
    y = call.scope.tensor(call.emit(Dense(), (y.name, weights), y.shape))
    return _transposed(call, y, tuple(int(i) for i in np.argsort(there)))


def _transposed(call: Call, x: Tensor, perm: tuple[int, ...]) -> str:
    if perm == tuple(range(len(perm))):
        return x.name
    return call.moved(Transpose(perm), x, [x.shape[p] for p in perm])


def l2_normalization(call: Call) -> str:
    """By the root of the sum of squares along the last dimension, which counts as 1e-6 at least."""
    x = call.numbers(0)
    if not x.shape:
        call.malformed("it has no dimension")
    if x.dtype == "i8":
        if call.output.quantized.scalar != Y_SCALE or x.shape[-1] > MAX_ROW:
            call.refuse(
                f"rows of {x.shape[-1]:,} to {call.output.quantized.scalar}; {MAX_ROW:,} and {Y_SCALE} are supported"
            )
        return call.activated(call.emit(L2NormQ8(), (x.name,), x.shape))
    norm = _emitted(call, "l2", x, (len(x.shape) - 1,))
    return call.activated(combine(call, "div", x.name, combine(call, "max", norm, number(call, LEAST_NORM))))


def log_softmax(call: Call) -> str:
    """Along the last dimension."""
    x = call.value(0)
    if x.dtype != "f32" or not x.shape:
        call.refuse(f"{x.dtype} {x.shape}; f32 is supported")
    return combine(call, "sub", x.name, _emitted(call, "log_sum_exp", x, (len(x.shape) - 1,)))
