"""ONNX files into plain Python values.

The file may be hostile: sizes are bounded, nothing it names is opened, every failure is a ModelError.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray
from onnx import numpy_helper

from edgefn.errors import ModelError, UnsupportedError
from edgefn.graph.importers.bounds import MAX_DIM, MAX_ELEMENTS, MAX_NODES, MAX_RANK, MAX_TENSORS, bound
from edgefn.graph.importers.foreign import Kind, refuse_foreign, refuse_text
from edgefn.graph.ir import DType

__all__ = ["DTYPES", "OPSETS", "OnnxModel", "OnnxNode", "OnnxPort", "read_file"]

OPSETS = (7, 28)
DTYPES: dict[int, DType] = {1: "f32", 2: "u8", 3: "i8", 6: "i32", 7: "i64", 9: "bool", 10: "f16", 11: "f64"}
_EXPORT = "give the path of an .onnx or .tflite file, or export one"
_KIND = Kind("an ONNX model", _EXPORT)


@dataclass(frozen=True, slots=True)
class OnnxPort:
    """A declared input or output; a symbolic dimension is its name, or "?"."""

    name: str
    dtype: DType
    dims: tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class OnnxNode:
    op: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]

    @property
    def qualified(self) -> str:
        """The op with its domain, unless that is ONNX's own."""
        return self.op if self.domain in {"", "ai.onnx"} else f"{self.domain}.{self.op}"

    @property
    def label(self) -> str:
        """What to call the node in a message: its name, or what it computes."""
        return self.name or f"-> {', '.join(self.outputs) or '?'}"


@dataclass(frozen=True, slots=True)
class OnnxModel:
    name: str
    opset: int
    nodes: tuple[OnnxNode, ...]
    constants: dict[str, NDArray[Any]]
    inputs: tuple[OnnxPort, ...]
    outputs: tuple[OnnxPort, ...]


def read_file(data: bytes, source: Path) -> OnnxModel:
    """Read the bytes of an ONNX file.

    Raises ModelError EFN-M003 (another kind of file), EFN-M004 (damaged), EFN-M005 (weights in other files),
    EFN-M006 (not a well-formed model), EFN-M008 (a bound is exceeded) and UnsupportedError EFN-M010 (opset).
    """
    refuse_foreign(data, source, _KIND)
    try:
        proto = onnx.ModelProto.FromString(data)
    except DecodeError as error:
        raise _not_onnx(data, source, str(error)) from None
    with _damage(source):
        return _model(proto, source)


def _not_onnx(data: bytes, source: Path, reason: str) -> ModelError:
    refuse_text(data, source, _KIND)
    return ModelError("EFN-M004", f"{source} is damaged or no ONNX model: {reason}", hint="download or export it again")


@contextmanager
def _damage(source: Path) -> Iterator[None]:
    """Turn what decoding mutated bytes can raise into one error."""
    try:
        yield
    except (UnicodeDecodeError, ValueError, TypeError, OverflowError, DecodeError) as error:
        message = f"{source} is damaged: {error}"
        raise ModelError("EFN-M004", message, hint="download or export the model again") from error


def _model(proto: Any, source: Path) -> OnnxModel:  # noqa: ANN401 -- protobuf classes have no types
    graph = proto.graph
    if not graph.node and not graph.output:
        raise _not_onnx(b"\0", source, "it holds no graph")
    bound(len(graph.node) <= MAX_NODES, f"{source} has {len(graph.node):,} nodes, at most {MAX_NODES:,} are read")
    bound(len(graph.initializer) <= MAX_TENSORS, f"{source} has {len(graph.initializer):,} tensors")
    if graph.sparse_initializer:
        raise UnsupportedError("EFN-M011", f"{source} has sparse weights", hint="export it with dense weights")
    constants = {_text(t.name): _tensor(t) for t in graph.initializer}
    inputs = tuple(_port(v) for v in graph.input if v.name not in constants)
    outputs = tuple(_port(v) for v in graph.output)
    nodes = tuple(_node(n) for n in graph.node)
    return OnnxModel(_text(graph.name), _opset(proto, source), nodes, constants, inputs, outputs)


def _opset(proto: Any, source: Path) -> int:  # noqa: ANN401
    low, high = OPSETS
    found = [o.version for o in proto.opset_import if o.domain in {"", "ai.onnx"}]
    if not found and proto.opset_import and all(n.domain not in {"", "ai.onnx"} for n in proto.graph.node):
        return high  # a model of other domains only
    version = int(found[0]) if found else 0
    if not low <= version <= high:
        said = f"uses opset {version}" if found else "names no ONNX opset"
        raise UnsupportedError("EFN-M010", f"{source} {said}; {low} to {high} are supported", hint=_CONVERT)
    return version


_CONVERT = "export the model again with opset_version=17"


def _text(value: str | bytes) -> str:
    """Return a name; protobuf hands out bytes where it is not UTF-8."""
    if isinstance(value, bytes):
        raise ValueError(f"the name {value[:40]!r} is not UTF-8")  # noqa: TRY004 -- what _damage turns into a ModelError
    return value


def _tensor(t: Any) -> NDArray[Any]:  # noqa: ANN401
    if t.data_location == onnx.TensorProto.EXTERNAL or t.external_data:
        message = f"tensor {t.name!r} is stored in another file, which edgefn does not read"
        raise ModelError(
            "EFN-M005", message, hint="onnx.save(onnx.load(path), path) puts the weights into the model file"
        )
    if t.data_type not in DTYPES or t.segment.ByteSize():
        raise UnsupportedError("EFN-M011", f"tensor {t.name!r} has data type {_type_name(t.data_type)}", hint=_EXPORT)
    dims = tuple(t.dims)
    bound(len(dims) <= MAX_RANK and all(0 <= d <= MAX_DIM for d in dims), f"tensor {t.name!r} has dims {dims[:9]}")
    bound(prod(dims) <= MAX_ELEMENTS, f"tensor {t.name!r} has {prod(dims):,} elements")
    array: NDArray[Any] = numpy_helper.to_array(t)
    return array


def _type_name(code: int) -> str:
    return str(onnx.TensorProto.DataType.Name(code)) if code in onnx.TensorProto.DataType.values() else str(code)


def _port(value: Any) -> OnnxPort:  # noqa: ANN401
    kind = value.type.WhichOneof("value")
    tensor = value.type.tensor_type
    if kind not in {"tensor_type", None} or (kind and tensor.elem_type not in DTYPES):
        what = _type_name(tensor.elem_type) if kind == "tensor_type" else kind
        raise UnsupportedError("EFN-M011", f"{value.name!r} is a {what}, not a tensor of numbers", hint=_EXPORT)
    dims = tuple(int(d.dim_value) if d.HasField("dim_value") else _text(d.dim_param) or "?" for d in tensor.shape.dim)
    bound(len(dims) <= MAX_RANK, f"{value.name!r} has {len(dims)} dimensions, at most {MAX_RANK} are supported")
    return OnnxPort(_text(value.name), DTYPES.get(tensor.elem_type, "f32"), dims)


def _node(n: Any) -> OnnxNode:  # noqa: ANN401
    attributes = {_text(a.name): _attribute(a) for a in n.attribute}
    inputs, outputs = tuple(map(_text, n.input)), tuple(map(_text, n.output))
    return OnnxNode(_text(n.op_type), _text(n.domain), _text(n.name), inputs, outputs, attributes)


def _attribute(a: Any) -> Any:  # noqa: ANN401
    """Return the value of an attribute; None for kinds that no supported op has (graphs, sparse tensors)."""
    kinds = onnx.AttributeProto
    if a.type == kinds.TENSOR:
        return _tensor(a.t)
    readers = {
        kinds.INT: lambda: int(a.i),
        kinds.FLOAT: lambda: float(a.f),
        kinds.STRING: a.s.decode,
        kinds.STRINGS: lambda: tuple(s.decode() for s in a.strings),
        kinds.INTS: lambda: tuple(int(i) for i in a.ints),
        kinds.FLOATS: lambda: tuple(np.float32(f).item() for f in a.floats),
    }
    return readers[a.type]() if a.type in readers else None
