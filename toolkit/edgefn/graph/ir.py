"""The graph: a model in memory, the same for every format it can come from.

Images are NHWC. Weights are constants in one layout: convolution `[M, kh, kw, C]`, depthwise `[1, kh, kw, C]`, dense
`[M, K]`. A clamp is held in real units by the op it ends, also when the op is quantized. Quantization belongs to the
tensor that holds the integers.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import inf, prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.allowance import Allowance

__all__ = [
    "NUMPY",
    "OPEN",
    "RUNTIME",
    "Bounds",
    "DType",
    "Graph",
    "Node",
    "Op",
    "Port",
    "Quantization",
    "Rounding",
    "Shape",
    "State",
    "Tensor",
    "Window",
    "unpermuted",
]

type Array = NDArray[Any]
type DType = Literal["f32", "f16", "f64", "i8", "u8", "i32", "i64", "bool"]
type Shape = tuple[int, ...]
type Rounding = Literal["float", "fixed"]

NUMPY: dict[DType, np.dtype[Any]] = {
    "f32": np.dtype(np.float32),
    "f16": np.dtype(np.float16),
    "f64": np.dtype(np.float64),
    "i8": np.dtype(np.int8),
    "u8": np.dtype(np.uint8),
    "i32": np.dtype(np.int32),
    "i64": np.dtype(np.int64),
    "bool": np.dtype(np.bool_),
}

# What a type is computed in: the engine has f32, i8, u8 and i32.
RUNTIME: dict[DType, DType] = {
    "f32": "f32",
    "f16": "f32",
    "f64": "f32",
    "i8": "i8",
    "u8": "u8",
    "bool": "u8",
    "i32": "i32",
    "i64": "i32",
}


@dataclass(frozen=True, slots=True, eq=False)
class Quantization:
    """`real = scale * (q - zero_point)`; `scale` f32, `zero_point` i32, both `[1]`, or `[shape[axis]]` per channel."""

    scale: Array
    zero_point: Array
    axis: int | None = None

    @classmethod
    def of(cls, scale: float, zero_point: int) -> "Quantization":
        return cls(np.array([scale], np.float32), np.array([zero_point], np.int32))

    @property
    def per_tensor(self) -> bool:
        return self.axis is None

    @property
    def scalar(self) -> tuple[float, int]:
        """Scale and zero point of a per-tensor quantization."""
        return float(self.scale[0]), int(self.zero_point[0])

    def real(self, value: Array) -> NDArray[np.float32]:
        """The reals that constant integers mean."""
        shape = [1] * value.ndim
        if self.axis is not None:
            shape[self.axis] = -1
        # One product, rounded once, as ONNX has it: the difference is exact in i64.
        difference = value.astype(np.int64) - (self.zero_point.reshape(shape) if value.ndim else self.zero_point[0])
        scale = self.scale.reshape(shape) if value.ndim else self.scale[0]
        with np.errstate(over="ignore"):  # a mask of the least f32 may be infinite after its quantization
            return np.asarray(difference.astype(np.float32) * scale, np.float32)

    def integers(self, value: Array, dtype: DType) -> Array:
        """The integers that stand for reals: halves to even, saturated; NaN is 0."""
        shape = [1] * value.ndim
        if self.axis is not None:
            shape[self.axis] = -1
        scale, zero = (part.reshape(shape) if value.ndim else part[0] for part in (self.scale, self.zero_point))
        ends = np.iinfo(NUMPY[dtype])
        with np.errstate(over="ignore"):
            steps = np.rint(np.nan_to_num(value / scale))
        return np.asarray(np.clip(steps.astype(np.float64) + zero, ends.min, ends.max).astype(NUMPY[dtype]))

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for equal parameters."""
        return self.scale.tobytes(), self.zero_point.tobytes(), self.axis

    @property
    def signed(self) -> "Quantization":
        """The same for integers that are 128 lower: u8 as i8."""
        return replace(self, zero_point=self.zero_point - 128)

    def same(self, other: "Quantization | None") -> bool:
        return other is not None and self.key == other.key


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """A value: computed by one node, fed from outside, or constant."""

    name: str
    dtype: DType
    shape: Shape
    quantization: Quantization | None = None
    constant: Array | None = None

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def quantized(self) -> Quantization:
        """The quantization of a tensor that has one."""
        assert self.quantization is not None  # noqa: S101 -- the importer gives every quantized tensor its parameters
        return self.quantization

    @property
    def meaning(self) -> tuple[object, ...] | None:
        """Equal for tensors whose integers stand for the same reals."""
        return self.quantization.key if self.quantization else None


@dataclass(frozen=True, slots=True)
class Bounds:
    low: float = -inf
    high: float = inf

    @property
    def open(self) -> bool:
        return self == Bounds()

    def within(self, inner: "Bounds") -> "Bounds":
        """Bounds of a value that is clamped by `inner` first and by these afterwards."""
        return Bounds(min(max(inner.low, self.low), self.high), min(max(inner.high, self.low), self.high))


OPEN = Bounds()


@dataclass(frozen=True, slots=True)
class Window:
    """A window over height and width; padding below and to the right follows from the output shape."""

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pad: tuple[int, int] = (0, 0)


def unpermuted(values: tuple[int, ...], perm: tuple[int, ...]) -> tuple[int, ...]:
    """Values of the axes behind a transpose by `perm`, in the order of the axes in front of it."""
    return tuple(values[perm.index(i)] for i in range(len(perm)))


class Op:
    """What a node does: a frozen dataclass of `edgefn.graph.ops`, equal when it does the same."""

    __slots__ = ()

    def before(self, perm: tuple[int, ...]) -> "Op | None":
        """Return the op that does in front of a transpose what this one does behind it; None when there is none."""
        return None


@dataclass(frozen=True, slots=True)
class Node:
    """One op; `name` is what the model's author called it, for messages and reports."""

    name: str
    op: Op
    inputs: tuple[str, ...]
    output: str


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output as the outside world sees it: `name` of the model's author, `tensor` in the graph.

    `dtype` is the type that the model declares, where the tensor has another. `labels` are what an i32 output counts,
    or what the last dimension of scores is for.
    """

    name: str
    tensor: str
    layout: Literal["NCHW", "NHWC"] | None = None
    dtype: DType | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What is kept from one run to the next: `read` has what `written` had when the last run ended, at first `initial`.

    Both are tensors of the graph of one type and shape; `read` is computed by no node, `written` by one of its own.
    """

    read: str
    written: str
    initial: Array


@dataclass(slots=True)
class Graph:
    """Nodes in an order in which they can run. Passes replace `nodes`, add tensors and drop those that nobody needs.

    A tensor has a name of its own as long as it is there; a later one may have the name of one that was dropped.
    `rounding` says how i8 results are rounded: once, in floating point, as ONNX defines it, or in TFLite's fixed point.
    `allowance` says how many bytes its constants may have.
    """

    name: str
    tensors: dict[str, Tensor] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    rounding: Rounding = "float"
    states: tuple[State, ...] = ()
    allowance: Allowance = field(default_factory=Allowance)

    def add(self, tensor: Tensor) -> str:
        """Add a tensor under a fresh name derived from its own, and return that name.

        Raises ModelError EFN-M008 when constants take more than is allowed.
        """
        if tensor.constant is not None:
            self.allowance.count(tensor.constant)
        name, n = tensor.name, 1
        while name in self.tensors:
            name, n = f"{tensor.name}~{len(self.tensors)}" if n == 1 else f"{name}~", n + 1
        self.tensors[name] = replace(tensor, name=name)
        return name

    def like(self, name: str, **changes: Any) -> str:  # noqa: ANN401 -- the fields of Tensor
        """Add a fresh tensor that differs from tensor `name` in `changes`."""
        return self.add(replace(self.tensors[name], **changes))

    @property
    def sources(self) -> tuple[str, ...]:
        """Tensors that have their values when a run begins: inputs, and states as the last run left them."""
        return (*(p.tensor for p in self.inputs), *(s.read for s in self.states))

    @property
    def sinks(self) -> tuple[str, ...]:
        """Tensors whose values outlast the nodes: outputs, and states for the next run."""
        return (*(p.tensor for p in self.outputs), *(s.written for s in self.states))

    def uses(self) -> Counter[str]:
        """How often each tensor is read, by nodes or as a sink."""
        return Counter([*(i for n in self.nodes for i in n.inputs), *self.sinks])

    def producers(self) -> dict[str, Node]:
        return {n.output: n for n in self.nodes}

    def of(self, names: Iterable[str]) -> list[Tensor]:
        return [self.tensors[n] for n in names]
