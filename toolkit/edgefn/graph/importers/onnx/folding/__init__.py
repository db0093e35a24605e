"""ONNX ops on constants, computed at import."""

from edgefn.graph.importers.onnx.folding.fold import FOLDED, OF_SHAPES, fold

__all__ = ["FOLDED", "OF_SHAPES", "fold"]
