"""TFLite files into plain Python values.

The file may be hostile: sizes are bounded, offsets are checked, nothing it names is opened, every failure is a
ModelError.
"""

from dataclasses import dataclass
from pathlib import Path

from edgefn.errors import ModelError
from edgefn.graph.importers.bounds import MAX_FILE_BYTES, MAX_NODES, MAX_TENSORS, bound
from edgefn.graph.importers.foreign import Kind, refuse_foreign, refuse_text
from edgefn.graph.importers.tflite.flatbuffer import Flatbuffer, Table
from edgefn.graph.importers.tflite.op import TfliteCode, TfliteOp, read_code, read_indices, read_op
from edgefn.graph.importers.tflite.schema import ModelSlot, SignatureSlot, SubgraphSlot, TensorMapSlot
from edgefn.graph.importers.tflite.tensor import TfliteDType, TfliteQuantization, TfliteTensor, read_tensor

__all__ = [
    "TfliteDType",
    "TfliteModel",
    "TfliteOp",
    "TfliteQuantization",
    "TfliteSignature",
    "TfliteSubgraph",
    "TfliteTensor",
    "read_file",
]

VERSION = 3
MAX_SUBGRAPHS = 1_024

_KIND = Kind("a TFLite model", "give the path of a .tflite file, or convert a model to one")


@dataclass(frozen=True, slots=True)
class TfliteSubgraph:
    """Operators in the order in which they run; inputs and outputs are indices of tensors."""

    name: str
    tensors: tuple[TfliteTensor, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    ops: tuple[TfliteOp, ...]


@dataclass(frozen=True, slots=True)
class TfliteSignature:
    """The names under which a subgraph is called, each with the index of its tensor."""

    key: str
    subgraph: int
    inputs: dict[str, int]
    outputs: dict[str, int]


@dataclass(frozen=True, slots=True)
class TfliteModel:
    """A model; the first subgraph is the main one, operators may call the others."""

    version: int
    description: str
    subgraphs: tuple[TfliteSubgraph, ...]
    signatures: tuple[TfliteSignature, ...]
    file_bytes: int


def read_file(data: bytes, source: Path) -> TfliteModel:
    """Read the bytes of a TFLite file.

    Raises ModelError EFN-M003 (another kind of file), EFN-M004 (damaged), EFN-M005 (weights in other files), EFN-M006
    (not a well-formed model), EFN-M008 (a bound is exceeded) and UnsupportedError EFN-M011 (data types, sparse weights,
    forms of quantization).
    """
    # The identifier decides first: the offset before it may happen to look like the beginning of another kind.
    if data[4:8] != b"TFL3":
        raise _not_tflite(data, source)
    bound(len(data) <= MAX_FILE_BYTES, f"{source} has {len(data):,} bytes, at most {MAX_FILE_BYTES:,} are read")
    return _model(Flatbuffer(data, source).root(), len(data))


def _not_tflite(data: bytes, source: Path) -> ModelError:
    refuse_foreign(data, source, _KIND)
    refuse_text(data, source, _KIND)
    message = f"{source} is not {_KIND.name}: its bytes 4 to 7 are {data[4:8]!r}, not TFL3"
    return ModelError("EFN-M003", message, hint=_KIND.hint)


def _model(root: Table, size: int) -> TfliteModel:
    version = root.scalar(ModelSlot.VERSION, "I")
    if version != VERSION:
        raise root.file.malformed(f"its schema has version {version:,}, not {VERSION}")
    codes = [read_code(t) for t in root.tables(ModelSlot.OPERATOR_CODES, "operator codes", MAX_NODES)]
    buffers = root.tables(ModelSlot.BUFFERS, "buffers", MAX_TENSORS)
    tables = root.tables(ModelSlot.SUBGRAPHS, "subgraphs", MAX_SUBGRAPHS)
    if not tables:
        raise root.file.malformed("it has no subgraph")
    subgraphs = tuple(_subgraph(t, f"subgraph {i}", codes, buffers) for i, t in enumerate(tables))
    signatures = root.tables(ModelSlot.SIGNATURE_DEFS, "signatures", MAX_SUBGRAPHS)
    description = root.text(ModelSlot.DESCRIPTION)
    return TfliteModel(version, description, subgraphs, tuple(_signature(t, subgraphs) for t in signatures), size)


def _subgraph(table: Table, label: str, codes: list[TfliteCode], buffers: list[Table]) -> TfliteSubgraph:
    tensors = tuple(read_tensor(t, buffers) for t in table.tables(SubgraphSlot.TENSORS, "tensors", MAX_TENSORS))
    ops = table.tables(SubgraphSlot.OPERATORS, "operators", MAX_NODES)
    allowed = range(len(tensors))
    return TfliteSubgraph(
        table.text(SubgraphSlot.NAME),
        tensors,
        read_indices(table, SubgraphSlot.INPUTS, f"{label}, as input,", allowed),
        read_indices(table, SubgraphSlot.OUTPUTS, f"{label}, as output,", allowed),
        tuple(read_op(t, f"{label}: operator {i}", codes, len(tensors)) for i, t in enumerate(ops)),
    )


def _signature(table: Table, subgraphs: tuple[TfliteSubgraph, ...]) -> TfliteSignature:
    key, index = table.text(SignatureSlot.KEY), table.scalar(SignatureSlot.SUBGRAPH_INDEX, "I")
    if index >= len(subgraphs):
        raise table.file.malformed(f"signature {key!r} calls subgraph {index:,} of {len(subgraphs):,}")
    count = len(subgraphs[index].tensors)
    inputs, outputs = (_named(table, s, key, count) for s in (SignatureSlot.INPUTS, SignatureSlot.OUTPUTS))
    return TfliteSignature(key, index, inputs, outputs)


def _named(table: Table, slot: int, key: str, count: int) -> dict[str, int]:
    named: dict[str, int] = {}
    for entry in table.tables(slot, "names in signatures", MAX_TENSORS):
        name, index = entry.text(TensorMapSlot.NAME), entry.scalar(TensorMapSlot.TENSOR_INDEX, "I")
        if index >= count:
            raise table.file.malformed(f"signature {key!r} calls tensor {index:,} of {count:,} {name!r}")
        if name in named:
            raise table.file.malformed(f"signature {key!r} has two tensors named {name!r}")
        named[name] = index
    return named
