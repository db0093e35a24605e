"""TFLite files into graphs."""

from functools import partial
from pathlib import Path

from edgefn.graph.importers.source import Source, SourceNode
from edgefn.graph.importers.tflite.file import TfliteModel, read_file
from edgefn.graph.importers.tflite.importer import import_tflite, port_of, unsupported_ops
from edgefn.graph.importers.tflite.registry import supported_ops

__all__ = ["read", "supported_ops"]


def read(data: bytes, path: Path) -> Source:
    """Read a TFLite file. Raises ModelError and UnsupportedError as `read_file` says."""
    model = read_file(data, path)
    main = model.subgraphs[0]
    return Source(
        format="tflite",
        version=model.version,
        inputs=tuple(port_of(main.tensors[i]) for i in main.inputs),
        outputs=tuple(port_of(main.tensors[i]) for i in main.outputs),
        nodes=tuple(SourceNode(op.op, main.tensors[op.outputs[0]].name if op.outputs else "") for op in main.ops),
        params=_params(model),
        unsupported=unsupported_ops(model),
        to_graph=partial(import_tflite, model),
    )


def _params(model: TfliteModel) -> int:
    """Numbers in the model's floating-point, 8-bit and bias constants."""
    constants = (t.constant for s in model.subgraphs for t in s.tensors)
    return sum(c.size for c in constants if c is not None and (c.dtype.kind == "f" or c.dtype.itemsize == 1))
