"""An op of a plan under check (docs/spec/plan.md): its tensors at hand, and one way to refuse it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.errors import ModelError
from edgefn.graph.records import Plan, PlanOp, PlanTensor

__all__ = ["View", "check_op"]


class View:
    """`tensor` by parameter name, `rest` the further ones; `need` refuses with the op named."""

    def __init__(self, number: int, op: PlanOp, plan: Plan) -> None:
        self.op = op
        self.name = op.code.name
        self.following = len(plan.ops) - number - 1
        self.arena_bytes = plan.arena_bytes
        self._weights = plan.weights
        tensors = plan.tensors
        self._where = f"op {number} ({op.code.name})"
        for name, index in (*op.tensors.items(), *(("an input", i) for i in op.rest)):
            self.need(index < len(tensors), f"{name} is tensor {index} of {len(tensors)}")
        self.tensor = {name: tensors[index] for name, index in op.tensors.items()}
        self.rest = [tensors[i] for i in op.rest]

    def need(self, fulfilled: bool, otherwise: str) -> None:
        """Refuse the op, saying `otherwise`, unless `fulfilled`."""
        if not fulfilled:
            raise ModelError(
                "EFN-M022",
                f"not a valid plan: {self._where}: {otherwise}",
                hint="compile the model again: edgefn model compile",
            )

    def dtypes(self, **wanted: str) -> None:
        """Need these dtypes of these tensors."""
        for name, dtype in wanted.items():
            self.need(self.tensor[name].dtype == dtype, f"{name} is {self.tensor[name].dtype}, not {dtype}")

    def whole(self, *names: str) -> None:
        """Need these tensors not to be packed."""
        for name in names:
            self.need(self.tensor[name].whole, f"{name} is packed")

    def packed(self, name: str, dtype: str, size: int) -> None:
        """Need a tensor of `dtype` and `size` bytes in the weights."""
        t = self.tensor[name]
        self.dtypes(**{name: dtype})
        where = f"{name} has {t.nbytes:,} bytes in {t.place}, not {size:,}"
        self.need(t.place == "weights" and t.nbytes == size, where)

    def numbers(self, name: str, dtype: str = "<i4") -> NDArray[Any]:
        """What a packed tensor holds."""
        t = self.tensor[name]
        return np.frombuffer(self._weights, np.uint8)[t.offset : t.offset + t.nbytes].view(dtype)

    def scratch(self, size: int) -> None:
        """Need `size` bytes of scratch memory in the arena, apart from every tensor of the op."""
        start = self.op["scratch"]
        self.need(start + size <= self.arena_bytes, f"scratch of {size:,} bytes does not fit in the arena")
        for name, t in self._all():
            self.need(not _shared(start, size, t), f"its scratch overlaps {name}")

    def apart(self) -> None:
        """Need y to share nothing with the operands, but for those that it may lie on exactly."""
        y = self.tensor["y"]
        for name, t in self._all():
            same = (t.offset, t.nbytes, t.size) == (y.offset, y.nbytes, y.size)
            onto = name == "y" or (same and name in self.op.code.in_place)
            self.need(onto or not _shared(y.offset, y.nbytes, t), f"y overlaps {name}")

    def _all(self) -> Iterator[tuple[str, PlanTensor]]:
        yield from self.tensor.items()
        yield from (("an input", t) for t in self.rest)

    def equal_sizes(self) -> None:
        """Need x to be whole and as large as y."""
        self.need(self.tensor["x"].size == self.tensor["y"].size, "x and y differ in size")
        self.whole("x")


def check_op(number: int, op: PlanOp, plan: Plan) -> None:
    """Refuse, with ModelError EFN-M022, an op that would read, write or compute outside what the format allows."""
    view = View(number, op, plan)
    for p, value in zip(op.code.parameters, op.values, strict=True):
        view.need(p.kind.allows(value), f"{p.name} is {value}")
    if "low" in op:
        view.need(op["low"] <= op["high"], f"low {op['low']} is above high {op['high']}")
    view.need(view.tensor["y"].place == "arena", "y is placed in weights")
    view.apart()
    op.code.check(view)


def _shared(start: int, size: int, t: PlanTensor) -> bool:
    """Whether bytes of the arena are also those of a tensor."""
    return t.place == "arena" and start < t.offset + t.nbytes and t.offset < start + size
