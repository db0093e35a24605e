"""A plan in memory: tensor records, ops, and what they make up together (docs/spec/plan.md)."""

from dataclasses import dataclass, field
from math import prod
from typing import Any, Literal

import numpy as np

from edgefn.graph.opcode import OpCode

__all__ = ["ALIGNMENT", "DTYPES", "ITEM_BYTES", "NUMPY_DTYPES", "Plan", "PlanOp", "PlanTensor"]

DTYPES: dict[str, int] = {"f32": 1, "i8": 2, "u8": 3, "i32": 4}
ALIGNMENT = 16  # of a tensor in its region, in bytes
NUMPY_DTYPES: dict[str, np.dtype[Any]] = {
    "f32": np.dtype("<f4"),
    "i8": np.dtype(np.int8),
    "u8": np.dtype(np.uint8),
    "i32": np.dtype("<i4"),
}
ITEM_BYTES = {"f32": 4, "i8": 1, "u8": 1, "i32": 4}


@dataclass(frozen=True, slots=True)
class PlanTensor:
    """One tensor record; `offset` counts from the start of the arena or of the weights."""

    dtype: str
    dims: tuple[int, ...]
    place: Literal["arena", "weights"]
    offset: int
    nbytes: int
    scale: float = 0.0
    zero_point: int = 0

    @property
    def size(self) -> int:
        return prod(self.dims)

    @property
    def last(self) -> int:
        """The last dimension; 1 of a tensor without any."""
        return self.dims[-1] if self.dims else 1

    @property
    def whole(self) -> bool:
        """Whether it holds exactly its elements, so that it is not packed."""
        return self.nbytes == self.size * ITEM_BYTES[self.dtype]


@dataclass(frozen=True, slots=True)
class PlanOp:
    """One op: `values` in the order of `code.parameters`, `rest` the further tensors of a variadic one."""

    code: OpCode
    values: tuple[int | float, ...]
    rest: tuple[int, ...] = ()

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 -- int or float, as the op code says
        return next(v for p, v in zip(self.code.parameters, self.values, strict=True) if p.name == name)

    def __contains__(self, name: str) -> bool:
        return any(p.name == name for p in self.code.parameters)

    @property
    def tensors(self) -> dict[str, int]:
        """The tensors that have a name, by it, as indices of their records."""
        named = zip(self.code.parameters, self.values, strict=True)
        return {p.name: int(v) for p, v in named if p.kind.name == "tensor"}


@dataclass(frozen=True, slots=True)
class Plan:
    """The first `state_bytes` of the arena are kept between runs; they begin as in the weights at `state_offset`."""

    tensors: tuple[PlanTensor, ...]
    ops: tuple[PlanOp, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    weights: bytes
    arena_bytes: int
    meta: dict[str, Any] = field(default_factory=dict)
    state_bytes: int = 0
    state_offset: int = 0
