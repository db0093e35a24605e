"""A graph under construction, as importers of every format make it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.errors import ModelError, UnsupportedError
from edgefn.graph.importers.bounds import MAX_DIM, MAX_ELEMENTS, MAX_EMITTED, MAX_RANK, bound
from edgefn.graph.ir import NUMPY, RUNTIME, DType, Graph, Node, Op, Port, Quantization, State, Tensor
from edgefn.graph.ops import Reshape

__all__ = ["Builder", "dtype_of"]

type Array = NDArray[Any]

MAX_PORTS = 64
_RUNTIME = ("f32", "i8", "u8", "i32")
_NAMES: dict[np.dtype[Any], DType] = {v: k for k, v in NUMPY.items()}


def dtype_of(array: Array) -> DType:
    return _NAMES[array.dtype]


@dataclass(slots=True)
class Builder:
    """The graph so far; `made` has the node of every tensor that a node computes."""

    graph: Graph
    made: dict[str, Node] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)  # constants in the type they are computed in, by their names

    def tensor(self, name: str) -> Tensor:
        return self.graph.tensors[name]

    def constant(self, name: str, array: Array, quantization: Quantization | None = None) -> str:
        array = np.ascontiguousarray(array).reshape(array.shape)
        return self.graph.add(Tensor(name, dtype_of(array), array.shape, quantization, array))

    def running(self, name: str) -> Tensor:
        """A tensor in the type it is computed in: a constant of i64, bool, f16 or f64 as i32, u8 or f32."""
        t = self.tensor(name)
        if t.constant is None or RUNTIME[t.dtype] == t.dtype:
            return t
        if name not in self.held:
            self.held[name] = self.constant(name, self.narrowed(name, t.constant))
        return self.tensor(self.held[name])

    def narrowed(self, name: str, value: Array) -> Array:
        """Numbers in the type that they are computed in; UnsupportedError EFN-M011 when that does not hold them."""
        if value.dtype == np.int64 and value.size and not -(2**31) <= value.min() <= value.max() < 2**31:
            message = f"constant {name!r} reaches from {value.min()} to {value.max()}; integers are computed in 32 bits"
            raise UnsupportedError("EFN-M011", message, hint="keep numbers of more than 32 bits out of the model")
        with np.errstate(all="ignore"):  # an f64 beyond all f32 is infinite
            return value.astype(NUMPY[RUNTIME[dtype_of(value)]])

    def emit(self, label: str, op: Op, inputs: Iterable[str], output: Tensor) -> str:
        """Append a node that computes a fresh tensor, and return the tensor's name. Raises ModelError EFN-M008."""
        made = len(self.graph.nodes) + 1
        bound(made <= MAX_EMITTED, f"with {label!r} the model has {made:,} steps, at most {MAX_EMITTED:,} are made")
        self.check_size(label, output.shape)
        name = self.graph.add(output)
        node = Node(label, op, tuple(inputs), name)
        self.graph.nodes.append(node)
        self.made[name] = node
        return name

    def check_size(self, label: str, shape: Sequence[int]) -> None:
        """Raise ModelError EFN-M008 when a tensor of `shape` would be empty or too large."""
        if len(shape) > MAX_RANK or prod(shape) > MAX_ELEMENTS or any(not 0 < d <= MAX_DIM for d in shape):
            shown = "x".join(map(str, shape))
            message = f"node {label!r} computes a tensor of {shown}, which is empty or too large"
            raise ModelError("EFN-M008", message, hint="check the shapes of the model's inputs and weights")

    def input(self, port: Tensor) -> Port:
        """A tensor fed from outside, under its own name."""
        if port.dtype not in _RUNTIME:
            message = f"input {port.name!r} is {port.dtype}"
            raise UnsupportedError("EFN-M011", message, hint=f"inputs can be {', '.join(_RUNTIME)}")
        if any(not 0 < d <= MAX_ELEMENTS for d in port.shape) or port.size > MAX_ELEMENTS:
            message = f"input {port.name!r} has dims {port.shape}"
            raise ModelError("EFN-M008", message, hint="give it positive, smaller dimensions")
        return Port(port.name, self.graph.add(port))

    def keep(self, read: str, value: str, first: Array) -> None:
        """Let `read`, which no node computes, have what `value` was in the last run, and `first` in the first."""
        t = self.tensor(read)
        written = self.emit(t.name, Reshape(), (value,), replace(t, name=f"{t.name}.next"))
        self.graph.states = (*self.graph.states, State(read, written, first))

    def outputs(self, inputs: tuple[Port, ...], named: "list[tuple[str, str]]") -> tuple[Port, ...]:
        """Ports for pairs of a name and the tensor that is given out under it.

        An output has a place of its own, so what is also an input, a state, a constant or another output is copied.
        """
        if not 1 <= len(named) <= MAX_PORTS or not 1 <= len(inputs) <= MAX_PORTS:
            message = f"the model has {len(inputs)} inputs and {len(named)} outputs"
            raise UnsupportedError("EFN-M011", message, hint=f"1 to {MAX_PORTS} of each are supported")
        taken = {port.tensor for port in inputs} | {state.read for state in self.graph.states}
        ports = []
        for name, tensor in named:
            t = self.running(tensor)
            if t.dtype not in _RUNTIME:
                message = f"output {name!r} is {t.dtype}"
                raise UnsupportedError(
                    "EFN-M011", message, hint=f"outputs can be {', '.join(_RUNTIME)}; cast it outside"
                )
            if t.name in taken or t.constant is not None:
                copy = Tensor(name, t.dtype, t.shape, t.quantization)
                t = self.tensor(self.emit(name, Reshape(), (t.name,), copy))
            taken.add(t.name)
            ports.append(Port(name, t.name))
        return tuple(ports)
