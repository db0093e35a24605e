"""ONNX files into graphs."""

from functools import partial
from pathlib import Path

from edgefn.graph.importers.onnx.file import OnnxModel, OnnxPort, read_file
from edgefn.graph.importers.onnx.importer import import_onnx, unsupported_nodes
from edgefn.graph.importers.onnx.registry import supported_ops
from edgefn.graph.importers.source import Source, SourceNode, SourcePort

__all__ = ["read", "supported_ops"]


def read(data: bytes, path: Path) -> Source:
    """Read an ONNX file. Raises ModelError and UnsupportedError as `read_file` says."""
    model = read_file(data, path)
    return Source(
        format="onnx",
        version=model.opset,
        inputs=tuple(map(_port, model.inputs)),
        outputs=tuple(map(_port, model.outputs)),
        nodes=tuple(SourceNode(n.qualified, n.label) for n in model.nodes),
        params=_params(model),
        unsupported=unsupported_nodes(model),
        to_graph=partial(import_onnx, model),
    )


def _port(port: OnnxPort) -> SourcePort:
    return SourcePort(port.name, port.dtype if port.kind == "numbers" else port.kind, port.dims)


def _params(model: OnnxModel) -> int:
    """Numbers in the model's floating-point and 8-bit constants, scales and zero points included.

    Also those in lists of attributes, where ai.onnx.ml keeps the parameters, but for how often nodes are reached.
    """
    lists = (value for n in model.nodes for name, value in n.attributes.items() if name != "nodes_hitrates")
    listed = sum(len(v) for v in lists if isinstance(v, tuple) and v and isinstance(v[0], float))
    return listed + sum(c.size for c in model.constants.values() if c.dtype.kind == "f" or c.dtype.itemsize == 1)
