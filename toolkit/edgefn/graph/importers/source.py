"""A model file that was read, whatever its format: what can be said of it, and how it becomes a graph."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgefn.graph.ir import Graph

__all__ = ["Source", "SourceNode", "SourcePort", "SupportedOp"]


@dataclass(frozen=True, slots=True)
class SourcePort:
    """An input or output; `shape` holds a name where the model leaves a dimension open.

    `labels` are what an output counts, or what its last dimension is for.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceNode:
    """An operator of the format, and what the model's author called the node."""

    op: str
    label: str


@dataclass(frozen=True, slots=True)
class SupportedOp:
    """An operator of a format that is compiled, and what it is restricted to."""

    name: str
    restrictions: str


@dataclass(frozen=True, slots=True)
class Source:
    """`version` is ONNX's opset or TFLite's schema; `unsupported` has a line for every node of an unknown operator.

    `to_graph` takes the sizes of dimensions that the model leaves open, by name. It raises UnsupportedError EFN-M010
    (op), EFN-M011 (a form of an op), ModelError EFN-M006 (malformed), EFN-M007 (an open dimension without a size),
    EFN-M008 (a bound), and UsageError EFN-U043 (a size that fits no dimension).
    """

    format: str
    version: int
    inputs: tuple[SourcePort, ...]
    outputs: tuple[SourcePort, ...]
    nodes: tuple[SourceNode, ...]
    params: int
    unsupported: tuple[str, ...]
    to_graph: "Callable[[Mapping[str, int]], Graph]"
