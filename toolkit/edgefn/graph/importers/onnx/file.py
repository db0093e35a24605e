"""ONNX files into plain Python values.

The file may be hostile: sizes are bounded, nothing it names is opened, every failure is a ModelError.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray
from onnx import numpy_helper

from edgefn.errors import ModelError, UnsupportedError
from edgefn.graph.importers.bounds import MAX_DIM, MAX_ELEMENTS, MAX_NODES, MAX_RANK, MAX_TENSORS, bound
from edgefn.graph.importers.foreign import Kind, refuse_foreign, refuse_text
from edgefn.graph.ir import DType

__all__ = ["DTYPES", "OPSETS", "OnnxGraph", "OnnxModel", "OnnxNode", "OnnxPort", "every_node", "read_file"]

OPSETS = (7, 28)
DTYPES: dict[int, DType] = {1: "f32", 2: "u8", 3: "i8", 6: "i32", 7: "i64", 9: "bool", 10: "f16", 11: "f64"}
OWN = ("", "ai.onnx")  # domains of ONNX's own ops
STRING = int(onnx.TensorProto.STRING)
_EXPORT = "give the path of an .onnx or .tflite file, or export one"
_KIND = Kind("an ONNX model", _EXPORT)


@dataclass(frozen=True, slots=True)
class OnnxPort:
    """A declared input or output; a symbolic dimension is its name, or "?".

    An output may be declared as strings, or as one map of scores for each item (what ZipMap makes).
    """

    name: str
    dtype: DType
    dims: tuple[int | str, ...]
    kind: Literal["numbers", "strings", "maps"] = "numbers"


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
        return self.op if self.domain in OWN else f"{self.domain}.{self.op}"

    @property
    def label(self) -> str:
        """What to call the node in a message: its name, or what it computes."""
        return self.name or f"-> {', '.join(self.outputs[:9]) or '?'}"


@dataclass(frozen=True, slots=True)
class OnnxGraph:
    """A branch of a node: an attribute of it. Its nodes also read what is around it; ports are names."""

    nodes: tuple[OnnxNode, ...]
    constants: dict[str, NDArray[Any]]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def every_node(nodes: Iterable[OnnxNode]) -> Iterator[OnnxNode]:
    """Nodes, and those of their branches."""
    for node in nodes:
        yield node
        for value in node.attributes.values():
            if isinstance(value, OnnxGraph):
                yield from every_node(value.nodes)


@dataclass(frozen=True, slots=True)
class OnnxModel:
    name: str
    opset: int
    nodes: tuple[OnnxNode, ...]
    constants: dict[str, NDArray[Any]]
    inputs: tuple[OnnxPort, ...]
    outputs: tuple[OnnxPort, ...]
    file_bytes: int


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
        return _model(proto, source, len(data))


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


def _model(proto: Any, source: Path, size: int) -> OnnxModel:  # noqa: ANN401 -- protobuf classes have no types
    graph = proto.graph
    if not graph.node and not graph.output:
        raise _not_onnx(b"\0", source, "it holds no graph")
    graphs = list(_graphs(graph))
    nodes, tensors = sum(len(g.node) for g in graphs), sum(len(g.initializer) for g in graphs)
    bound(nodes <= MAX_NODES, f"{source} has {nodes:,} nodes, at most {MAX_NODES:,} are read")
    bound(tensors <= MAX_TENSORS, f"{source} has {tensors:,} tensors")
    if any(g.sparse_initializer for g in graphs):
        raise UnsupportedError("EFN-M011", f"{source} has sparse weights", hint="export it with dense weights")
    constants = {_text(t.name): _tensor(t) for t in graph.initializer}
    inputs = tuple(_port(v) for v in graph.input if v.name not in constants)
    outputs = tuple(_output(v) for v in graph.output)
    return OnnxModel(
        _text(graph.name),
        _opset(proto, source),
        tuple(map(_node, graph.node)),
        constants,
        inputs,
        outputs,
        size,
    )


def _graphs(graph: Any) -> Iterator[Any]:  # noqa: ANN401
    """A graph and all graphs within."""
    left = [graph]
    while left:
        graph = left.pop()
        yield graph
        left += [a.g for n in graph.node for a in n.attribute if a.type == onnx.AttributeProto.GRAPH]


def _opset(proto: Any, source: Path) -> int:  # noqa: ANN401
    low, high = OPSETS
    found = [o.version for o in proto.opset_import if o.domain in OWN]
    if not found and proto.opset_import and all(n.domain not in OWN for n in proto.graph.node):
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
    if t.data_type not in {*DTYPES, STRING} or t.segment.ByteSize():
        raise UnsupportedError("EFN-M011", f"tensor {t.name!r} has data type {_type_name(t.data_type)}", hint=_EXPORT)
    dims = tuple(t.dims)
    bound(len(dims) <= MAX_RANK and all(0 <= d <= MAX_DIM for d in dims), f"tensor {t.name!r} has dims {dims[:9]}")
    bound(prod(dims) <= MAX_ELEMENTS, f"tensor {t.name!r} has {prod(dims):,} elements")
    if t.data_type == STRING:
        return _strings(t.string_data, dims)
    array: NDArray[Any] = numpy_helper.to_array(t)
    return array


def _strings(data: Sequence[bytes], dims: tuple[int, ...]) -> NDArray[Any]:
    """An array of str, each in an object of its own: a long one costs no more than its length."""
    array = np.empty(len(data), object)
    array[:] = [s.decode() for s in data]
    return array.reshape(dims)


def _type_name(code: int) -> str:
    return str(onnx.TensorProto.DataType.Name(code)) if code in onnx.TensorProto.DataType.values() else str(code)


def _output(value: Any) -> OnnxPort:  # noqa: ANN401
    """An output as `_port` has it, or as strings or maps of scores: `import_onnx` knows what stands behind them."""
    kind = value.type.WhichOneof("value")
    if kind == "sequence_type" and value.type.sequence_type.elem_type.HasField("map_type"):
        return OnnxPort(_text(value.name), "f32", ("?", "?"), "maps")
    if kind == "tensor_type" and value.type.tensor_type.elem_type == STRING:
        return OnnxPort(_text(value.name), "i32", _dims(value), "strings")
    return _port(value)


def _port(value: Any) -> OnnxPort:  # noqa: ANN401
    kind = value.type.WhichOneof("value")
    tensor = value.type.tensor_type
    if kind not in {"tensor_type", None} or (kind and tensor.elem_type not in DTYPES):
        what = _type_name(tensor.elem_type) if kind == "tensor_type" else kind
        hint = "encode strings outside, as numbers" if tensor.elem_type == STRING else _EXPORT
        raise UnsupportedError("EFN-M011", f"{value.name!r} is a {what}, not a tensor of numbers", hint=hint)
    return OnnxPort(_text(value.name), DTYPES.get(tensor.elem_type, "f32"), _dims(value))


def _dims(value: Any) -> tuple[int | str, ...]:  # noqa: ANN401
    dims = value.type.tensor_type.shape.dim
    bound(len(dims) <= MAX_RANK, f"{value.name!r} has {len(dims)} dimensions, at most {MAX_RANK} are supported")
    return tuple(int(d.dim_value) if d.HasField("dim_value") else _text(d.dim_param) or "?" for d in dims)


def _node(n: Any) -> OnnxNode:  # noqa: ANN401
    attributes = {_text(a.name): _attribute(a) for a in n.attribute}
    inputs, outputs = tuple(map(_text, n.input)), tuple(map(_text, n.output))
    return OnnxNode(_text(n.op_type), _text(n.domain), _text(n.name), inputs, outputs, attributes)


def _branch(graph: Any) -> OnnxGraph:  # noqa: ANN401
    constants = {_text(t.name): _tensor(t) for t in graph.initializer}
    inputs, outputs = (tuple(_text(v.name) for v in ports) for ports in (graph.input, graph.output))
    return OnnxGraph(tuple(map(_node, graph.node)), constants, inputs, outputs)


def _attribute(a: Any) -> Any:  # noqa: ANN401
    """Return the value of an attribute; None for kinds that no supported op has (lists of graphs, sparse tensors)."""
    kinds = onnx.AttributeProto
    if a.type == kinds.TENSOR:
        return _tensor(a.t)
    if a.type == kinds.GRAPH:
        return _branch(a.g)
    readers = {
        kinds.INT: lambda: int(a.i),
        kinds.FLOAT: lambda: float(a.f),
        kinds.STRING: a.s.decode,
        kinds.STRINGS: lambda: tuple(s.decode() for s in a.strings),
        kinds.INTS: lambda: tuple(int(i) for i in a.ints),
        kinds.FLOATS: lambda: tuple(np.float32(f).item() for f in a.floats),
    }
    return readers[a.type]() if a.type in readers else None
