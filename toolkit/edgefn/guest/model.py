"""A compiled model, ready to be called."""

import sys
from collections.abc import Callable
from typing import Any

from edgefn.guest.signature import OpenedPlan, Port, read_signature
from edgefn.guest.tensor import Tensor

__all__ = ["Model", "load_model"]


class Model:
    """Call it with one tensor an input; it returns one tensor, or a tuple when the model has several outputs.

    Where `batch` is above 1, the first dimension of all tensors, which is 1, may be any number up to it.

    A model with a state (a streaming one) remembers from call to call, as long as the instance lives: `reset()` before
    a stream begins.
    """

    def __init__(self, name: str, opened: OpenedPlan) -> None:
        self.name = name
        self.inputs, self.outputs, self.batch = read_signature(opened.plan)
        self._run = opened.run
        self._reset = opened.reset

    def __call__(self, *tensors: Tensor) -> Any:  # noqa: ANN401 -- a Tensor, or a tuple: the model's file decides
        """Run the model: a Tensor, or a tuple of them when it has several outputs.

        Raises ValueError when a tensor's dtype or shape is not the model's.
        """
        if len(tensors) != len(self.inputs):
            raise ValueError(f"model {self.name!r} takes {len(self.inputs)} tensors, {len(tensors)} given")
        items = self._items(tensors)
        for tensor, port in zip(tensors, self.inputs, strict=True):
            self._check(tensor, port, items)
        results = tuple(Tensor.zeros(port.dtype, _shape(port, items)) for port in self.outputs)
        for item in range(items):
            self._run(tuple(_part(t, item, items) for t in tensors), tuple(_part(t, item, items) for t in results))
        return results[0] if len(results) == 1 else results

    def reset(self) -> None:
        """Forget what earlier calls left; nothing happens when the model keeps nothing."""
        self._reset()

    def _items(self, tensors: tuple[Tensor, ...]) -> int:
        """How many items the first tensor holds, if the model can be given as many."""
        shape = tensors[0].shape
        return shape[0] if shape and 1 <= shape[0] <= self.batch else 1

    def _check(self, tensor: Tensor, port: Port, items: int) -> None:
        if tensor.dtype != port.dtype or tensor.shape != _shape(port, items):
            many = f", or up to {self.batch} in the first dimension of all" if self.batch > 1 else ""
            raise ValueError(
                f"model {self.name!r} takes {port.dtype} {port.shape}{many} as {port.name!r}, "
                f"not {tensor.dtype} {tensor.shape}"
            )

    def __repr__(self) -> str:
        return f"Model({self.name!r})"


def load_model(name: str) -> Model:
    """Load the model that `[models.NAME]` in edgefn.toml declares; runs once, at build time.

    Outside a component the plan is compiled on the spot and run by the same engine, in wasmtime. Raises LookupError
    when no such model is declared; outside a component also what is wrong with edgefn.toml or the model's file.
    """
    try:
        from edgefn.guest.engine import open_plan  # noqa: PLC0415 -- exists inside a component only
    except ImportError:
        caller = sys._getframe(1).f_code.co_filename
        return Model(name, _native()(name, caller))
    return Model(name, open_plan(name))


def _native() -> Callable[[str, str], OpenedPlan]:
    from importlib.metadata import entry_points  # noqa: PLC0415 -- not wanted in a component

    (point,) = entry_points(group="edgefn.engine", name="native")
    opener: Callable[[str, str], OpenedPlan] = point.load()
    return opener


def _shape(port: Port, items: int) -> tuple[int, ...]:
    return port.shape if items == 1 else (items, *port.shape[1:])


def _part(tensor: Tensor, item: int, items: int) -> memoryview:
    """The data of one item."""
    size = len(tensor.data) // items
    return tensor.data[item * size : (item + 1) * size]
