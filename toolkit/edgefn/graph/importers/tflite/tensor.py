"""Tensors of a TFLite file: type, shape, quantization and, for a constant, its values."""

from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgefn.errors import ModelError, UnsupportedError
from edgefn.graph.importers.bounds import MAX_DIM, MAX_ELEMENTS, MAX_RANK, bound
from edgefn.graph.importers.tflite.flatbuffer import Table
from edgefn.graph.importers.tflite.schema import (
    QUANTIZATION_DETAILS,
    TENSOR_TYPES,
    BufferSlot,
    QuantizationSlot,
    TensorSlot,
)
from edgefn.graph.importers.tflite.sparse import densified
from edgefn.graph.ir import NUMPY, DType, Shape

__all__ = ["TfliteDType", "TfliteQuantization", "TfliteTensor", "read_tensor"]

type Array = NDArray[Any]
# int16 holds the cell state of int8 LSTMs, complex numbers come from RFFT2D only; a resource is the handle of a
# variable and has no values.
type TfliteDType = DType | Literal["i16", "c64", "resource"]

_CONVERT = "convert the model again with float32, float16 or per-channel int8 weights"
_BYTE, _SCALE, _ZERO_POINT = np.dtype(np.uint8), np.dtype(np.float32), np.dtype(np.int64)
NIBBLES = "INT4"  # of constants only, which are read as i8
_DTYPES: dict[str, TfliteDType] = {
    "FLOAT32": "f32",
    "FLOAT16": "f16",
    "FLOAT64": "f64",
    "INT4": "i8",
    "INT8": "i8",
    "UINT8": "u8",
    "INT16": "i16",
    "INT32": "i32",
    "INT64": "i64",
    "BOOL": "bool",
    "COMPLEX64": "c64",
    "RESOURCE": "resource",
}


@dataclass(frozen=True, slots=True, eq=False)
class TfliteQuantization:
    """`real = scale * (q - zero_point)`; scales f32 and zero_points i64, both `[1]`, or `[shape[axis]]` per channel."""

    scales: Array
    zero_points: Array
    axis: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TfliteTensor:
    """A tensor; `shape_signature` is its shape with -1 for what may vary, None when nothing may.

    Arrays are read-only views of the file's bytes and may be unaligned: files let many tensors share one buffer, and a
    copy for each could fill the memory.
    """

    name: str
    dtype: TfliteDType
    shape: Shape
    shape_signature: Shape | None = None
    quantization: TfliteQuantization | None = None
    constant: Array | None = None
    is_variable: bool = False


def read_tensor(table: Table, buffers: list[Table]) -> TfliteTensor:
    """Read a table Tensor whose values lie in one of the file's buffers.

    Raises ModelError EFN-M004 to EFN-M008 and UnsupportedError EFN-M011, as read_file of tflite/file.py says.
    """
    name = table.text(TensorSlot.NAME)
    kind, shape = _kind(table, name), _shape(table, name)
    dtype = _DTYPES[kind]
    constant = _constant(table, name, kind, shape, buffers)
    if constant is None and kind == NIBBLES:
        raise _unsupported(name, kind)
    return TfliteTensor(
        name,
        dtype,
        shape,
        _shape_signature(table, name, len(shape)),
        _quantization(table, name, shape),
        constant,
        table.scalar(TensorSlot.IS_VARIABLE, "?"),
    )


def _kind(table: Table, name: str) -> str:
    code = table.scalar(TensorSlot.TYPE, "b")
    kind = TENSOR_TYPES[code] if 0 <= code < len(TENSOR_TYPES) else str(code)
    if kind not in _DTYPES:
        raise _unsupported(name, kind)
    return kind


def _unsupported(name: str, kind: str) -> UnsupportedError:
    return UnsupportedError("EFN-M011", f"tensor {name!r} has data type {kind}", hint=_CONVERT)


def _shape(table: Table, name: str) -> Shape:
    shape = table.numbers(TensorSlot.SHAPE, f"the shape of tensor {name!r}", MAX_RANK)
    bound(all(0 <= d <= MAX_DIM for d in shape), f"tensor {name!r} has dims {shape}")
    bound(prod(shape) <= MAX_ELEMENTS, f"tensor {name!r} has {prod(shape):,} elements")
    return shape


def _shape_signature(table: Table, name: str, rank: int) -> Shape | None:
    signature = table.numbers(TensorSlot.SHAPE_SIGNATURE, f"the shape signature of tensor {name!r}", MAX_RANK)
    if -1 not in signature:
        return None
    bound(all(-1 <= d <= MAX_DIM for d in signature), f"tensor {name!r} has the shape signature {signature}")
    if len(signature) != rank:
        raise table.file.malformed(f"tensor {name!r} has {rank} dimensions, and the shape signature {signature}")
    return signature


def _quantization(table: Table, name: str, shape: Shape) -> TfliteQuantization | None:
    found = table.table(TensorSlot.QUANTIZATION)
    if found is None:
        return None
    if details := found.scalar(QuantizationSlot.DETAILS_TYPE, "B"):
        kind = QUANTIZATION_DETAILS[details] if details < len(QUANTIZATION_DETAILS) else f"unknown ({details})"
        raise UnsupportedError("EFN-M011", f"tensor {name!r} has quantization of the form {kind}", hint=_CONVERT)
    scales = found.view(QuantizationSlot.SCALE, _SCALE)
    points = found.view(QuantizationSlot.ZERO_POINT, _ZERO_POINT)
    if not scales.size:  # at most a range that was seen in training
        return None
    if points.size != scales.size:
        raise table.file.malformed(f"tensor {name!r} has {scales.size:,} scales and {points.size:,} zero points")
    if scales.size == 1:
        return TfliteQuantization(scales, points)
    # Some files give biases the dimension of their weights; with one dimension there is nothing to choose.
    axis = 0 if len(shape) == 1 else found.scalar(QuantizationSlot.QUANTIZED_DIMENSION, "i")
    if not 0 <= axis < len(shape) or shape[axis] != scales.size:
        raise table.file.malformed(f"tensor {name!r} of {shape} has {scales.size:,} scales on axis {axis}")
    return TfliteQuantization(scales, points, axis)


def _constant(table: Table, name: str, kind: str, shape: Shape, buffers: list[Table]) -> Array | None:
    if table.scalar(TensorSlot.EXTERNAL_BUFFER, "I"):
        message = f"tensor {name!r} is stored in another file, which edgefn does not read"
        raise ModelError("EFN-M005", message, hint="convert the model with its weights in the model file")
    index = table.scalar(TensorSlot.BUFFER, "I")
    if index >= len(buffers):
        raise table.file.malformed(f"tensor {name!r} is in buffer {index:,} of {len(buffers):,}")
    data = buffers[index].blob(BufferSlot.DATA, BufferSlot.OFFSET, BufferSlot.SIZE)
    dtype, sparsity = _DTYPES[kind], table.table(TensorSlot.SPARSITY)
    numpy = _numpy(dtype)
    if kind == NIBBLES and data.size:
        data = _unpacked(table, data, prod(shape))
    if sparsity is not None and dtype not in {"bool", "resource"} and data.size % numpy.itemsize == 0:
        return densified(sparsity, name, data.view(numpy), shape)
    if not data.size:
        return None
    size = prod(shape) * numpy.itemsize
    if data.size != size:
        raise table.file.malformed(f"tensor {name!r}, {dtype} of {shape}, has {data.size:,} bytes, not {size:,}")
    if dtype == "bool":
        table.file.charge(data.size)
        if data.max() > 1:
            raise table.file.malformed(f"tensor {name!r} of booleans holds {data.max()}")
    constant: Array = data.view(numpy).reshape(shape)
    return constant


def _unpacked(table: Table, data: Array, count: int) -> Array:
    """Integers of four bits, two to a byte, the lower half first, one to a byte; a last half may be left over."""
    table.file.charge(2 * data.size)
    halves = np.stack([data << 4, data & 0xF0], axis=1).reshape(-1)
    whole = (halves.view(np.int8) >> 4).view(np.uint8)
    return whole[:count] if count % 2 and whole.size == count + 1 else whole


def _numpy(dtype: TfliteDType) -> np.dtype[Any]:
    """Return the type of values in a file; that of a resource has no size."""
    if dtype == "i16":
        return np.dtype("<i2")
    if dtype == "c64":
        return np.dtype("<c8")
    return np.dtype("V0") if dtype == "resource" else NUMPY[dtype].newbyteorder("<")
