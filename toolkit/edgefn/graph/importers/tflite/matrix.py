"""Products of matrices: FULLY_CONNECTED and BATCH_MATMUL."""

from math import prod

import numpy as np

from edgefn.graph.importers.spans import broadcast
from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.importers.tflite.weights import bias_of, weights_of
from edgefn.graph.importers.tflite.wide import channels_narrowed
from edgefn.graph.ir import Shape, Tensor
from edgefn.graph.ops import Add, Dense, MatMul, MatMulQ8, Transpose

__all__ = ["batch_matmul", "fully_connected"]


def fully_connected(call: Call) -> str:
    """`[..., K]` by weights `[M, K]`; leading dimensions are rows."""
    if call.option("weights_format") != "DEFAULT":
        call.refuse(f"weights in the format {call.option('weights_format')}")
    x, w = call.numbers(0), call.input(1)
    if len(w.shape) != 2 or not x.shape or x.size % w.shape[1]:
        call.malformed(f"{x.shape} does not fit weights {w.shape} (outputs, inputs)")
    rows = call.scope.tensor(call.reshape(x.name, (x.size // w.shape[1], w.shape[1])))
    if w.constant is not None:
        y = _constant(call, rows, w)
    else:
        y = _integers(call, rows, w) if x.dtype == "i8" else _computed(call, rows, w)
    return call.reshape(y, (*x.shape[:-1], w.shape[0]) if call.option("keep_num_dims") else (rows.shape[0], w.shape[0]))


def _constant(call: Call, x: Tensor, w: Tensor) -> str:
    x, kernel = channels_narrowed(call, x, weights_of(call, w, 0, x.dtype))
    layer = call.layer(0, kernel, bias_of(call, 2, w.shape[0], x.dtype))
    return call.activated(call.emit(Dense(), (x.name, *layer), (x.shape[0], w.shape[0])))


def _integers(call: Call, x: Tensor, w: Tensor) -> str:
    """A dense layer of i8 weights that are computed at run time."""
    if call.has(2):
        call.refuse("a bias beside integer weights that are computed at run time")
    (m, k), rows = w.shape, x.shape[0]
    op = MatMulQ8(1, rows, m, k, 0, 0, 1, k, "f64", call.bounds())
    return call.emit(op, (x.name, _integer(call, w).name), (rows, m))


def _integer(call: Call, t: Tensor) -> Tensor:
    if t.dtype != "i8" or t.quantization is None or not t.quantization.per_tensor:
        call.refuse(f"{t.dtype} tensor {t.name!r}; i8 with one scale is supported")
    return t


def _computed(call: Call, x: Tensor, w: Tensor) -> str:
    """A dense layer of float weights that are computed at run time."""
    if w.dtype != "f32":
        call.refuse(f"weights of {w.dtype} that are computed at run time, with a float input")
    y = _product(call, x, w, (False, True))
    if call.has(2):
        bias, shape = call.input(2), call.scope.tensor(y).shape
        if bias.dtype != "f32" or bias.shape != shape[1:]:
            call.refuse(f"a bias of {bias.dtype} {bias.shape}; f32 of {shape[1:]} is supported")
        y = call.emit(Add(), (y, bias.name), shape)
    return call.activated(y)


def batch_matmul(call: Call) -> str:
    """`[..., M, K]` by `[..., K, N]`, each perhaps transposed, in floats or in i8."""
    a, b = call.numbers(0), call.input(1)
    if len(a.shape) < 2 or len(b.shape) < 2:
        call.malformed(f"{a.shape} by {b.shape}")
    transposed = (call.option("adj_x"), call.option("adj_y"))
    if a.dtype == "i8":
        return _product_of_integers(call, a, _integer(call, b), transposed)
    if b.dtype != "f32":
        call.refuse(f"{a.dtype} by {b.dtype}; both in f32 or both in i8 are supported")
    return _product(call, a, b, transposed)


def _product_of_integers(call: Call, a: Tensor, b: Tensor, transposed: tuple[bool, bool]) -> str:
    """Leading dimensions are those of a, or a is one matrix for all, or b is, or both are repeated."""
    if transposed[0]:
        perm = (*range(len(a.shape) - 2), len(a.shape) - 1, len(a.shape) - 2)
        a = call.scope.tensor(call.moved(Transpose(perm), a, [a.shape[p] for p in perm]))
    (m, k), batch = a.shape[-2:], _leading(call, a, b)
    inner, n = b.shape[:-3:-1] if transposed[1] else b.shape[-2:]
    if inner != k:
        call.malformed(f"{k} columns do not fit {inner} rows")
    count = prod(batch)
    sides = [t if prod(t.shape[:-2]) in {1, count} else _repeated(call, t, batch) for t in (a, b)]
    steps = [0 if prod(t.shape[:-2]) == 1 else t.shape[-2] * t.shape[-1] for t in sides]
    row, column = (1, k) if transposed[1] else (n, 1)
    op = MatMulQ8(count, m, n, k, steps[0], steps[1], row, column)
    return call.emit(op, [t.name for t in sides], (*batch, m, n))


def _leading(call: Call, a: Tensor, b: Tensor) -> Shape:
    try:
        return np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        call.malformed(f"{a.shape} by {b.shape}")


def _repeated(call: Call, t: Tensor, batch: Shape) -> Tensor:
    """A tensor whose matrices are there once for every batch."""
    return call.scope.tensor(broadcast(call, t, (*batch, *t.shape[-2:])))


def _product(call: Call, a: Tensor, b: Tensor, transposed: tuple[bool, bool]) -> str:
    try:
        op = MatMul.of(a.shape, b.shape, transposed=transposed)
    except ValueError as error:
        call.malformed(f"{a.shape} by {b.shape}: {error}")
    return call.emit(op, (a.name, b.name), op.shape)
