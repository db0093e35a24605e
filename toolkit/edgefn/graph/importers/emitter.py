"""What the call of an operator offers to what importers of every format share."""

from collections.abc import Iterable
from typing import Never, Protocol

from edgefn.graph.importers.builder import Builder
from edgefn.graph.importers.kernel import Kernel
from edgefn.graph.ir import Op, Tensor

__all__ = ["Convolver", "Emitter"]


class Emitter(Protocol):
    @property
    def scope(self) -> Builder: ...

    @property
    def label(self) -> str:
        """What the model's author called the node."""
        ...

    def reshape(self, x: str, shape: Iterable[int]) -> str:
        """`x` in another shape."""
        ...

    def moved(self, op: Op, x: Tensor, shape: Iterable[int], *more: str) -> str:
        """Compute a fresh tensor of elements of `x`, in its type and quantization; `more` are further inputs."""
        ...


class Convolver(Emitter, Protocol):
    def emit(self, op: Op, inputs: Iterable[str], shape: Iterable[int]) -> str:
        """Compute a fresh tensor of the type that the operator computes."""
        ...

    def layer(self, axis: int, kernel: Kernel, bias: Kernel | None) -> tuple[str, ...]:
        """Return weights, their outputs along `axis`, and the bias, as inputs of a node."""
        ...

    def refuse(self, what: str) -> Never: ...
