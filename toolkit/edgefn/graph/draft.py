"""A graph on its way to a plan: steps with names for tensors and packed constants, before anything has a place."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.errors import UnsupportedError
from edgefn.graph.ir import Bounds, Graph, Node, Quantization, Shape, Tensor
from edgefn.graph.records import ALIGNMENT

__all__ = ["Draft", "Lowering", "Packed", "Step", "constant_of", "factor", "scalar_of", "whole_bounds"]

type Array = NDArray[Any]

TINY, HUGE = float(np.finfo(np.float32).smallest_subnormal), float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class Packed:
    """A constant as it lies in the weights."""

    dtype: str
    dims: Shape
    data: bytes
    quantization: Quantization | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One op: `values` by parameter name, a tensor as its name in the graph or a Packed; `macs` products."""

    code: str
    node: Node
    values: dict[str, Any]
    rest: tuple[str | Packed, ...] = ()
    scratch: int = 0
    macs: int = 0


@dataclass(slots=True)
class Draft:
    """Steps in order. `alias` maps a tensor to the one whose bytes it shares, of a part from `begin` on."""

    steps: list[Step] = field(default_factory=list)
    alias: dict[str, str] = field(default_factory=dict)
    begin: dict[str, int] = field(default_factory=dict)

    def root(self, name: str) -> str:
        """The tensor that has a place of its own and holds this one."""
        return self.place(name)[0]

    def place(self, name: str) -> tuple[str, int]:
        """The root of a tensor, and at which byte of it the tensor begins."""
        at = 0
        while name in self.alias:
            at += self.begin.get(name, 0)
            name = self.alias[name]
        return name, at


class Lowering:
    """What an op sees while it becomes a step: the graph, the draft so far, and the graph's sources and sinks.

    Those have places of their own.
    """

    def __init__(self, graph: Graph, draft: Draft) -> None:
        self.graph = graph
        self.draft = draft
        self.sources = set(graph.sources)
        self.sinks = set(graph.sinks)

    def operands(self, node: Node) -> tuple[list[Tensor], Tensor]:
        """The tensors that a node reads, and the one it computes."""
        return self.graph.of(node.inputs), self.graph.tensors[node.output]

    def source(self, name: str) -> str | Packed:
        """Return a tensor to read: its name, or its bytes when it is constant."""
        t = self.graph.tensors[self.draft.root(name)]
        if t.constant is None:
            return name
        shape = self.graph.tensors[name].shape
        return Packed(t.dtype, shape, np.ascontiguousarray(t.constant).tobytes(), t.quantization)

    def whole(self, name: str) -> bool:
        """Whether a tensor is all of its root, not a part."""
        return self.graph.tensors[name].size == self.graph.tensors[self.draft.root(name)].size

    def part(self, node: Node, begin: int) -> bool:
        """Let what a node computes be a part of its input, from byte `begin` on, where that can be."""
        x, y = node.inputs[0], node.output
        if begin % ALIGNMENT or y in self.sinks or self.graph.tensors[self.draft.root(x)].constant is not None:
            return False
        self.draft.alias[y], self.draft.begin[y] = x, begin
        return True

    @property
    def fixed(self) -> bool:
        """Whether i8 results are rounded in TFLite's fixed point."""
        return self.graph.rounding == "fixed"

    def kind(self, dtype: str) -> str:
        """Ending of the op codes that compute `dtype`: itself, or q8."""
        return "q8" if dtype == "i8" and self.fixed else dtype

    def bounds(self, bounds: Bounds, y: Tensor) -> dict[str, Any]:
        """Bounds as an op takes them: reals, or the integers they round to in the graph's rounding."""
        if y.dtype == "f32":
            return {"low": float(np.float32(bounds.low)), "high": float(np.float32(bounds.high))}
        low, high = whole_bounds(bounds, y, fixed=self.fixed)
        return {"low": low, "high": high}

    def unary(self, node: Node, code: str, **values: Any) -> Step:  # noqa: ANN401 -- as the op code says
        """A step from the node's first input to its output."""
        return Step(code, node, {"x": self.source(node.inputs[0]), "y": node.output, **values})

    def impossible(self, node: Node) -> UnsupportedError:
        """The error of a node that no op of the engine can do."""
        x = self.graph.tensors[node.inputs[0]]
        message = f"{type(node.op).__name__} node {node.name!r} cannot be done by the engine on {x.dtype} {x.shape}"
        return UnsupportedError("EFN-M012", message, hint="change or replace this layer")


def whole_bounds(bounds: Bounds, y: Tensor, *, fixed: bool) -> tuple[int, int]:
    """The integers that bounds of an i8 tensor round to, halves away from zero in TFLite's fixed point."""
    scale, zero = scalar_of(y)
    reals = np.array([bounds.low, bounds.high], np.float32) / np.float32(scale)
    clipped = np.clip(reals, -1e6, 1e6).astype(np.float64)
    steps = np.sign(clipped) * np.floor(np.abs(clipped) + 0.5) if fixed else np.rint(clipped)
    low, high = (int(v) for v in np.clip(steps + zero, -128, 127))
    return low, high


def factor(node: Node, scale: float, by: float) -> float:
    """`scale / by` as f32, which must hold it: a factor of an op is finite and not zero."""
    if not TINY <= scale / by <= HUGE:
        message = f"node {node.name!r} would multiply by {scale / by:g}, which float32 cannot hold"
        raise UnsupportedError("EFN-M012", message, hint="quantize the model again with ordinary scales")
    return float(np.float32(scale / by))


def scalar_of(t: Tensor) -> tuple[float, int]:
    """Scale and zero point of an activation."""
    if t.quantization is None:
        message = f"the integers of {t.name!r} have no scale"
        raise UnsupportedError("EFN-M012", message, hint="quantize the model in the QDQ form")
    return t.quantization.scalar


def constant_of(t: Tensor) -> Array:
    """The value of weights."""
    if t.constant is None:
        raise UnsupportedError("EFN-M012", f"weights {t.name!r} are computed at run time", hint="make them constant")
    return t.constant
