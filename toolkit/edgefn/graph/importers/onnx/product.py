"""Matrix products: Gemm, MatMul, com.microsoft.FusedMatMul. Constant right sides make dense layers."""

from math import inf

import numpy as np

from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.ir import Tensor
from edgefn.graph.ops import Add, Binary, Dense, MatMul

__all__ = ["fused_matmul", "gemm", "matmul", "product"]


def matmul(call: Call) -> str:
    """`[..., M, K]` by `[..., K, N]`; leading dimensions broadcast, and a vector is a matrix of one row or column."""
    a, b = call.real(0), call.real(1)
    if not a.shape or not b.shape:
        call.malformed(f"{a.shape} by {b.shape}")
    if call.fixed(b) and len(b.shape) == 2:
        return _dense(call, a)
    left = call.reshape(a.name, (1, *a.shape)) if len(a.shape) == 1 else a.name
    right = call.reshape(b.name, (*b.shape, 1)) if len(b.shape) == 1 else b.name
    y = product(call, left, right)
    *batch, m, n = call.scope.tensor(y).shape
    return call.reshape(y, (*batch, *(m,) * (len(a.shape) > 1), *(n,) * (len(b.shape) > 1)))


def _dense(call: Call, x: Tensor) -> str:
    w = call.weights(1, (1, 0))
    if x.shape[-1] != w.shape[1]:
        call.malformed(f"{x.shape} does not fit weights {w.shape} (outputs, inputs)")
    return call.emit(Dense(), (x.name, w.name), (*x.shape[:-1], w.shape[0]))


def fused_matmul(call: Call) -> str:
    """`alpha * A B`, each perhaps transposed."""
    a, b, alpha = call.real(0), call.real(1), call.attribute("alpha", 1.0)
    if len(a.shape) < 2 or len(b.shape) < 2:
        call.refuse(f"{a.shape} by {b.shape}; matrices are supported")
    left = _batched(call, a) if call.attribute("transBatchA", 0) else a.name
    right = _batched(call, b) if call.attribute("transBatchB", 0) else b.name
    transposed = (bool(call.attribute("transA", 0)), bool(call.attribute("transB", 0)))
    return product(call, left, right, scale=alpha, transposed=transposed)


def _batched(call: Call, t: Tensor) -> str:
    """Matrices whose rows are the first dimension, in front of those of the batch."""
    rank = len(t.shape)
    return call.transpose(t.name, (*range(1, rank - 1), 0, rank - 1))


def product(call: Call, a: str, b: str, *, scale: float = 1.0, transposed: tuple[bool, bool] = (False, False)) -> str:
    """`scale * a b`, the last two dimensions of each perhaps transposed, all others broadcasting."""
    if not 0 < scale < inf:
        call.refuse(f"alpha {scale}; a positive number is supported")
    left, right = call.scope.tensor(a).shape, call.scope.tensor(b).shape
    try:
        op = MatMul.of(left, right, transposed=transposed, scale=scale)
    except ValueError as error:
        call.malformed(f"{left} by {right}: {error}")
    return call.emit(op, (a, b), op.shape)


def gemm(call: Call) -> str:
    """`alpha * A B + beta * C`, A and B perhaps transposed; C broadcasts."""
    a, b = call.real(0), call.real(1)
    if len(a.shape) != 2 or len(b.shape) != 2:
        call.malformed(f"{a.shape} by {b.shape}; matrices are wanted")
    alpha, transposed = (
        call.attribute("alpha", 1.0),
        (bool(call.attribute("transA", 0)), bool(call.attribute("transB", 0))),
    )
    if call.fixed(b):
        x = call.transpose(a.name, (1, 0)) if transposed[0] else a.name
        return _dense_plus(call, call.scope.tensor(x), alpha, transposed=transposed[1])
    y = product(call, a.name, b.name, scale=alpha, transposed=transposed)
    return _plus_matrix(call, y) if call.has(2) else y


def _dense_plus(call: Call, x: Tensor, alpha: float, *, transposed: bool) -> str:
    w = call.weights(1, (0, 1) if transposed else (1, 0))
    if x.shape[1] != w.shape[1]:
        call.malformed(f"A {x.shape} does not fit B {w.shape} (outputs, inputs)")
    outputs = w.shape[0]
    vector = call.has(2) and call.fixed(call.real(2)) and call.input(2).shape in {(outputs,), (1, outputs)}
    bias = call.bias(2, outputs) if vector else ()
    bias = tuple(_scaled(call, b, call.attribute("beta", 1.0)) for b in bias)
    y = call.emit(Dense(), (x.name, _scaled(call, w.name, alpha), *bias), (x.shape[0], outputs))
    return _plus_matrix(call, y) if call.has(2) and not vector else y


def _plus_matrix(call: Call, y: str) -> str:
    """`y + beta * C` for a C that broadcasts to the shape of y."""
    c, shape = call.real(2), call.scope.tensor(y).shape
    if len(c.shape) > 2 or any(d not in {1, n} for d, n in zip(c.shape[::-1], shape[::-1], strict=False)):
        call.malformed(f"C of shape {c.shape} does not broadcast to {shape}")
    c_name = call.reshape(c.name, (shape[1],)) if c.shape == (1, shape[1]) != shape else c.name
    alike = call.fixed(c) or call.scope.tensor(c_name).shape in {shape, shape[1:]}
    return call.emit(Add() if alike else Binary("add"), (y, _scaled(call, c_name, call.attribute("beta", 1.0))), shape)


def _scaled(call: Call, name: str, factor: float) -> str:
    if factor == 1.0:
        return name
    t = call.scope.tensor(name)
    if t.constant is None:
        call.refuse(f"alpha or beta of {factor} with what is quantized or computed at run time")
    return call.scope.constant(name, (t.constant * np.float32(factor)).astype(np.float32))
