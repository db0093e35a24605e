"""RFFT2D along the last dimension, and what makes floats of complex numbers: COMPLEX_ABS, REAL, IMAG and CAST.

A complex tensor is two in the graph. What only moves elements moves both; nothing else takes it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.importers.padding import padded
from edgefn.graph.importers.spans import Span, sliced
from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.ir import Tensor
from edgefn.graph.ops import Add, Binary, Dense, Unary

__all__ = ["MOVING", "complex_abs", "imag", "moved_apart", "real", "rfft_2d"]

type Array = NDArray[Any]
type Nothing = tuple[()]

MAX_LENGTH = 2_048  # the transform is a product with a matrix of so many columns
MOVING = frozenset({"EXPAND_DIMS", "GATHER", "RESHAPE", "SLICE", "SQUEEZE", "STRIDED_SLICE", "TRANSPOSE"})


def moved_apart(call: Call, handler: Callable[[Call], str | tuple[str, ...]]) -> Nothing:
    """Do to the real and to the imaginary part what an operator does that moves elements."""
    scope, index, (output, *_) = call.scope, call.op.inputs[0], call.op.outputs
    halves = scope.complexes.pop(index)
    made: list[str] = []
    for half in halves:
        scope.names[index] = half
        found = handler(call)
        made += [found] if isinstance(found, str) else found
    del scope.names[index]
    scope.complexes |= {index: halves, output: (made[0], made[1])}
    return ()


def rfft_2d(call: Call) -> Nothing:
    """`[..., 1, N]` to `[..., 1, N / 2 + 1]`, of N elements after cutting or filling up with zeros."""
    x, lengths = call.input(0), call.integers(1)
    if x.dtype != "f32" or len(x.shape) < 2 or len(lengths) != 2 or lengths[0] != 1 or x.shape[-2] != 1:
        call.refuse(f"{x.dtype} {x.shape} by {lengths}; f32 [..., 1, N] by [1, N] is supported")
    n = lengths[1]
    if not 2 <= n <= MAX_LENGTH or n & (n - 1):
        call.refuse(f"{n} elements; a power of two from 2 to {MAX_LENGTH:,} is supported")
    row = call.scope.tensor(_fitted(call, x, n))
    turns = np.outer(np.arange(n // 2 + 1), np.arange(n)) % n * (2 * np.pi / n)
    call.scope.complexes[call.op.outputs[0]] = _product(call, row, np.cos(turns)), _product(call, row, -np.sin(turns))
    return ()


def _fitted(call: Call, x: Tensor, n: int) -> str:
    length = x.shape[-1]
    if length >= n:
        return sliced(call, x, [*(Span(0, 1, d) for d in x.shape[:-1]), Span(0, 1, n)])
    return padded(call, x, [*[(0, 0)] * (len(x.shape) - 1), (0, n - length)], 0.0)


def _product(call: Call, x: Tensor, matrix: Array) -> str:
    """`[..., N]` by `[M, N]`."""
    w = call.scope.constant(f"{call.label}.w", matrix.astype(np.float32))
    bias = call.scope.constant(f"{call.label}.b", np.zeros(len(matrix), np.float32))
    return call.emit(Dense(), (x.name, w, bias), (*x.shape[:-1], len(matrix)), x)


def _parts(call: Call) -> tuple[str, str]:
    index = call.op.inputs[0] if call.op.inputs else -1
    if index not in call.scope.complexes:
        call.refuse("an input that RFFT2D does not give")
    return call.scope.complexes[index]


def real(call: Call) -> str:
    return _parts(call)[0]


def imag(call: Call) -> str:
    return _parts(call)[1]


def complex_abs(call: Call) -> str:
    shape = call.scope.tensor(_parts(call)[0]).shape
    squares = [call.emit(Binary("mul"), (part, part), shape) for part in _parts(call)]
    return call.emit(Unary("sqrt"), (call.emit(Add(), squares, shape),), shape)
