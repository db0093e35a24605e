"""One operator being imported, of a model of any format: what is asked about it, and the ways to refuse it."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from math import prod
from typing import Any, Never

from numpy.typing import NDArray

from edgefn.errors import UnsupportedError
from edgefn.graph.importers.builder import Builder
from edgefn.graph.importers.kernel import Kernel
from edgefn.graph.ir import Op, Quantization, Tensor
from edgefn.graph.ops import Reshape

__all__ = ["Call"]

type Array = NDArray[Any]


class Call(ABC):
    """Its inputs as tensors of the graph, and what computes with them.

    `label` is what the model's author called it, `title` also says what it is. `malformed` raises ModelError EFN-M006,
    `refuse` UnsupportedError EFN-M011; both begin with the title.
    """

    def __init__(self, scope: Builder, label: str, title: str) -> None:
        self.scope = scope
        self.label = label
        self.title = title

    @abstractmethod
    def input(self, index: int) -> Tensor: ...

    @abstractmethod
    def named(self, index: int) -> str:
        """What the model calls an input."""

    @abstractmethod
    def emit(self, op: Op, inputs: Iterable[str], shape: Iterable[int]) -> str:
        """Compute a fresh tensor of the type that the operator computes."""

    @abstractmethod
    def moved(self, op: Op, x: Tensor, shape: Iterable[int], *more: str) -> str:
        """Compute a fresh tensor of elements of `x`, in its type and quantization; `more` are further inputs."""

    @abstractmethod
    def held(self, name: str, value: Array, q: Quantization | None) -> str:
        """Add constant weights, in the type that the operator takes them in, and return their name."""

    @abstractmethod
    def malformed(self, what: str) -> Never: ...

    def constant(self, index: int) -> Array:
        """Return the value of an input that must be known at compile time."""
        value = self.input(index).constant
        if value is None:
            self.refuse(f"input {self.named(index)!r} is computed at run time; it must be a constant")
        return value

    def integers(self, index: int) -> list[int]:
        """Return a list of integers that must be known at compile time: a shape, axes, sizes."""
        value = self.constant(index)
        if value.dtype.kind not in "iu" or value.ndim > 1:
            self.malformed(f"input {self.named(index)!r} is {value.dtype} of shape {value.shape}, not integers")
        return [int(v) for v in value.reshape(-1)]

    def value(self, index: int) -> Tensor:
        """Return an input in the type it is computed in: a constant of i64, bool, f16 or f64 as i32, u8 or f32."""
        return self.scope.running(self.input(index).name)

    def reshape(self, x: str, shape: Iterable[int]) -> str:
        """`x` in another shape."""
        t, shape = self.scope.tensor(x), tuple(shape)
        if prod(shape) != t.size:
            self.malformed(f"{t.shape} cannot be reshaped to {shape}")
        return x if shape == t.shape else self.moved(Reshape(), t, shape)

    def layer(self, axis: int, kernel: Kernel, bias: Kernel | None) -> tuple[str, ...]:
        """Return weights, their outputs along `axis`, and the bias, as inputs of a node."""
        parts = [(kernel.name, *kernel.along(axis))]
        parts += [(bias.name, *bias.along(0))] if bias else []
        return tuple(self.held(*part) for part in parts)

    def axis(self, value: int, rank: int) -> int:
        """Return an axis counted from the first, refusing one that is none."""
        if not -rank <= value < rank:
            self.malformed(f"axis {value} of a tensor of rank {rank}")
        return value % rank

    def refuse(self, what: str) -> Never:
        raise UnsupportedError(
            "EFN-M011",
            f"{self.title} is not supported: {what}",
            hint="edgefn model inspect lists what is supported; change or replace this layer",
        )
