"""A numpy evaluation of a plan: the oracle of the C engine, with the arithmetic of docs/spec/plan.md.

Slow, and meant to be. It runs on a byte arena as the engine does and spoils an op's scratch before the op, so a
wrong memory plan shows in its results. What an op computes stands beside its code in `edgefn.graph.ops`.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.records import NUMPY_DTYPES, Plan, PlanOp, PlanTensor

__all__ = ["Machine", "clamp", "evaluate", "saturate"]

type Array = NDArray[Any]


def evaluate(plan: Plan, inputs: Sequence[Array]) -> list[Array]:
    """Return outputs of a plan that `read_plan` accepted, for inputs of its dtypes and shapes, in a first run."""
    return Machine(plan).evaluate(inputs)


class Machine:
    """Arena and weights; what the plan keeps between runs is kept here."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.weights = np.frombuffer(plan.weights, np.uint8)

    def reset(self) -> None:
        """Forget what earlier runs left."""
        self.arena[: self.plan.state_bytes] = self._first

    def evaluate(self, inputs: Sequence[Array]) -> list[Array]:
        """Return the outputs of one run."""
        for index, value in zip(self.plan.inputs, inputs, strict=True):
            self.write(self.plan.tensors[index], value)
        left_out = 0
        for op in self.plan.ops:
            if left_out:
                left_out -= 1
                self.raw(self.tensor(op, "y"))[:] = 0x5A
                continue
            self.run(op)
            if op.code.skips:
                left_out = int(self.get(op, "y").reshape(()))
        return [self.read(self.plan.tensors[index]).copy() for index in self.plan.outputs]

    @cached_property
    def arena(self) -> NDArray[np.uint8]:
        arena = np.full(self.plan.arena_bytes, 0xA5, np.uint8)
        arena[: self.plan.state_bytes] = self._first
        return arena

    @property
    def _first(self) -> NDArray[np.uint8]:
        """What the state is before the first run."""
        return self.weights[self.plan.state_offset :][: self.plan.state_bytes]

    def raw(self, t: PlanTensor) -> Array:
        """The bytes of a tensor, packed or not."""
        region = self.arena if t.place == "arena" else self.weights
        return region[t.offset : t.offset + t.nbytes]

    def read(self, t: PlanTensor) -> Array:
        return self.raw(t).view(NUMPY_DTYPES[t.dtype]).reshape(t.dims)

    def write(self, t: PlanTensor, value: Array) -> None:
        self.read(t)[...] = np.asarray(value, NUMPY_DTYPES[t.dtype]).reshape(t.dims)

    def tensor(self, op: PlanOp, name: str) -> PlanTensor:
        return self.plan.tensors[int(op[name])]

    def get(self, op: PlanOp, name: str) -> Array:
        return self.read(self.tensor(op, name))

    def vector(self, op: PlanOp, name: str, count: int) -> Array:
        """The first `count` numbers of a packed tensor."""
        t = self.tensor(op, name)
        return self.raw(t).view(NUMPY_DTYPES[t.dtype])[:count]

    def run(self, op: PlanOp) -> None:
        if op.code.scratch is not None:
            self.arena[op["scratch"] : op["scratch"] + op.code.scratch(self, op)] = 0x5A
        with np.errstate(all="ignore"):
            value = op.code.evaluate(self, op)
        self.write(self.tensor(op, "y"), value)


def saturate(v: Array, zero: int, low: int, high: int) -> Array:
    """`round_half_to_even(v) + zero`, clamped; `v` is f32 and may be infinite."""
    rounded = np.clip(np.rint(v.astype(np.float64)), -(2.0**31), 2.0**31 - 1)
    return np.asarray(np.clip(rounded + zero, low, high))


def clamp(v: Array, op: PlanOp) -> Array:
    """`v` between an op's bounds."""
    return np.minimum(np.maximum(v, np.float32(op["low"])), np.float32(op["high"]))
