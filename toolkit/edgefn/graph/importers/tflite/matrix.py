"""Products of matrices: FULLY_CONNECTED and BATCH_MATMUL."""

from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.importers.tflite.weights import bias_of, weights_of
from edgefn.graph.ir import Tensor
from edgefn.graph.ops import Add, Dense, MatMul

__all__ = ["batch_matmul", "fully_connected"]


def fully_connected(call: Call) -> str:
    """`[..., K]` by weights `[M, K]`; leading dimensions are rows."""
    if call.option("weights_format") != "DEFAULT":
        call.refuse(f"weights in the format {call.option('weights_format')}")
    x, w = call.numbers(0), call.input(1)
    if len(w.shape) != 2 or not x.shape or x.size % w.shape[1]:
        call.malformed(f"{x.shape} does not fit weights {w.shape} (outputs, inputs)")
    rows = call.scope.tensor(call.reshape(x.name, (x.size // w.shape[1], w.shape[1])))
    computed = w.constant is None and w.dtype == "f32"
    y = _computed(call, rows, w) if computed else _constant(call, rows, w)
    return call.reshape(y, (*x.shape[:-1], w.shape[0]) if call.option("keep_num_dims") else (rows.shape[0], w.shape[0]))


def _constant(call: Call, x: Tensor, w: Tensor) -> str:
    layer = call.layer(0, weights_of(call, w, 0, x.dtype), bias_of(call, 2, w.shape[0], x.dtype))
    return call.activated(call.emit(Dense(), (x.name, *layer), (x.shape[0], w.shape[0])))


def _computed(call: Call, x: Tensor, w: Tensor) -> str:
    """A dense layer whose weights are computed at run time."""
    y = _product(call, x, w, (False, True))
    if call.has(2):
        bias, shape = call.input(2), call.scope.tensor(y).shape
        if bias.dtype != "f32" or bias.shape != shape[1:]:
            call.refuse(f"a bias of {bias.dtype} {bias.shape}; f32 of {shape[1:]} is supported")
        y = call.emit(Add(), (y, bias.name), shape)
    return call.activated(y)


def batch_matmul(call: Call) -> str:
    """`[..., M, K]` by `[..., K, N]` in floats, each perhaps transposed."""
    a, b = call.input(0), call.input(1)
    if {a.dtype, b.dtype} != {"f32"}:
        call.refuse(f"{a.dtype} by {b.dtype}; f32 is supported")
    if len(a.shape) < 2 or len(b.shape) < 2:
        call.malformed(f"{a.shape} by {b.shape}")
    return _product(call, a, b, (call.option("adj_x"), call.option("adj_y")))


def _product(call: Call, a: Tensor, b: Tensor, transposed: tuple[bool, bool]) -> str:
    try:
        op = MatMul.of(a.shape, b.shape, transposed=transposed)
    except ValueError as error:
        call.malformed(f"{a.shape} by {b.shape}: {error}")
    return call.emit(op, (a.name, b.name), op.shape)
