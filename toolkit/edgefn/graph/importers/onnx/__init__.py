"""ONNX files into graphs."""

from edgefn.graph.importers.onnx.importer import import_onnx, unsupported_nodes
from edgefn.graph.importers.onnx.registry import SupportedOp, supported_ops

__all__ = ["SupportedOp", "import_onnx", "supported_ops", "unsupported_nodes"]
