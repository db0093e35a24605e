"""What the handlers of ONNX ops see: the graph under construction, known constants, and checks that name the node."""

from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, Never

import numpy as np
from numpy.typing import NDArray

from edgefn.errors import ModelError
from edgefn.graph.importers import call
from edgefn.graph.importers.bounds import MAX_DIM, MAX_FOLDED, MAX_RANK
from edgefn.graph.importers.builder import Builder
from edgefn.graph.importers.kernel import Kernel
from edgefn.graph.importers.onnx.file import OnnxNode
from edgefn.graph.ir import DType, Op, Quantization, Tensor
from edgefn.graph.ops import Dequantize, Transpose
from edgefn.graph.passes.constants import computed

__all__ = ["Call", "Scope"]

type Array = NDArray[Any]


@dataclass(slots=True)
class Scope(Builder):
    """The graph under construction and what each ONNX name means in it.

    `labels` are those of what stands for strings, `inputs` the types that the model declares; for a name that means
    something else in a branch than around it they have () and None. `visit` imports a node: what a branch has of them.
    `sequences` has the tensors of each sequence, under what stands for it in `names`.
    """

    opset: int = 0
    visit: "Callable[[Scope, OnnxNode], None]" = field(kw_only=True)
    names: ChainMap[str, str] = field(default_factory=ChainMap)
    permuted: dict[tuple[str, tuple[int, ...]], str] = field(default_factory=dict)
    labels: ChainMap[str, tuple[str, ...]] = field(default_factory=ChainMap)
    inputs: ChainMap[str, DType | None] = field(default_factory=ChainMap)
    sequences: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @contextmanager
    def branch(self) -> Iterator[None]:
        """Let names that are given within mean nothing outside."""
        outer = self.names, self.labels, self.inputs
        self.names, self.labels, self.inputs = self.names.new_child(), self.labels.new_child(), self.inputs.new_child()
        yield
        self.names, self.labels, self.inputs = outer

    def renew(self, name: str) -> None:
        """Forget what is known of a name around the branch that gives it to something else."""
        if name in self.labels:
            self.labels[name] = ()
        if name in self.inputs:
            self.inputs[name] = None


class Call(call.Call):
    """One ONNX node being imported: its inputs as graph tensors, its attributes, and the way to refuse it."""

    scope: Scope

    def __init__(self, scope: Scope, node: OnnxNode) -> None:
        super().__init__(scope, node.label, f"{node.op} node {node.label!r}")
        self.node = node
        self.opset = scope.opset

    def has(self, index: int) -> bool:
        return index < len(self.node.inputs) and self.node.inputs[index] != ""

    def input(self, index: int) -> Tensor:
        known = self.known(index)
        if known in self.scope.sequences:
            self.refuse(f"input {self.node.inputs[index]!r} is a sequence")
        return self.scope.tensor(known)

    def known(self, index: int) -> str:
        """What an input stands for: a tensor of the graph or, in `Scope.sequences`, several."""
        if not self.has(index):
            self.malformed(f"input {index} is missing")
        name = self.node.inputs[index]
        if name not in self.scope.names:
            self.malformed(f"reads {name!r}, which nothing before it computes")
        return self.scope.names[name]

    def named(self, index: int) -> str:
        return self.node.inputs[index]

    def constant(self, index: int) -> Array:
        """Return the value of an input that must be known at compile time; what is dequantized in floats."""
        t = self.input(index)
        if not self.fixed(t):
            return super().constant(index)
        _, value, q = self.stored(t)
        return value if q is None else q.real(value)

    def declared(self, index: int) -> DType:
        """Return the type of an input in the model; of what is computed in it, what that is computed in."""
        return self.scope.inputs.get(self.node.inputs[index]) or self.input(index).dtype

    def single(self, index: int) -> Array:
        """Return the one element of such an input, of shape ()."""
        value = self.constant(index)
        if value.size != 1:
            self.malformed(f"input {self.node.inputs[index]!r} has shape {value.shape}, not one element")
        return value.reshape(())

    def whole(self, index: int) -> int:
        """Return the one element of such an input as an integer."""
        value = float(self.single(index))
        if not value.is_integer():
            self.malformed(f"input {self.node.inputs[index]!r} is {value}, which is no integer")
        return int(value)

    def fixed(self, t: Tensor) -> bool:
        """Whether a tensor is constant, perhaps quantized."""
        node = self.scope.made.get(t.name)
        dequantized = node is not None and isinstance(node.op, Dequantize)
        return t.constant is not None or (dequantized and self.scope.tensor(node.inputs[0]).constant is not None)  # type: ignore[union-attr]

    def real(self, index: int) -> Tensor:
        """Return an input that must be f32."""
        tensor = self.value(index)
        if tensor.dtype != "f32":
            self.refuse(
                f"{tensor.dtype} input {tensor.name!r}; only f32 (perhaps between Quantize and Dequantize) is supported"
            )
        return tensor

    def attribute(self, name: str, default: Any) -> Any:  # noqa: ANN401 -- as the caller's default
        """Return an attribute, of the default's type."""
        value = self.node.attributes.get(name)
        if value is None:
            return default
        if default is not None and not isinstance(value, type(default)):
            self.malformed(f"attribute {name} is {value!r}")
        if isinstance(default, tuple) and not all(isinstance(v, int) for v in value):
            self.malformed(f"attribute {name} is {value!r}")
        return value

    def ints(self, name: str, default: tuple[int, ...]) -> tuple[int, ...]:
        value: tuple[int, ...] = self.attribute(name, default)
        if len(value) != len(default) or not all(isinstance(v, int) for v in value):
            self.malformed(f"attribute {name} is {value!r}, not {len(default)} integers")
        return value

    def numbers(self, name: str, default: Array) -> Array:
        """Return an attribute of numbers as f64 `[n]`: a list, or a tensor, which ai.onnx.ml names NAME_as_tensor."""
        value = self.node.attributes.get(f"{name}_as_tensor", self.node.attributes.get(name))
        if value is None:
            return default
        if not isinstance(value, np.ndarray) and not (isinstance(value, tuple) and all(map(_is_number, value))):
            self.malformed(f"attribute {name} is {value!r}")
        return np.asarray(value, np.float64).reshape(-1)

    def strings(self, name: str) -> tuple[str, ...]:
        """Return an attribute of strings, none if it is missing."""
        value = self.node.attributes.get(name, ())
        if not isinstance(value, tuple) or not all(isinstance(v, str) for v in value):
            self.malformed(f"attribute {name} is {value!r}")
        return value

    def count(self, name: str) -> int:
        """An attribute that says how many of something there are, by default one."""
        count = self.attribute(name, 1)
        if count < 1:
            self.malformed(f"attribute {name} is {count}")
        self.scope.graph.allowance.demand((count, 2))  # numbers in f64
        return int(count)

    def own(self, part: str, value: Array) -> str:
        """Add a constant made of the node's attributes, in the type that it is computed in, and return its name."""
        if not value.size:
            self.malformed(f"it has no {part}")
        name = f"{self.node.label}.{part}"
        return self.scope.constant(name, self.scope.narrowed(name, value))

    def bounded(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return the shape of a constant that is computed at import, which must not be too large."""
        if len(shape) > MAX_RANK or any(not 0 <= d <= MAX_DIM for d in shape) or prod(shape) > MAX_FOLDED:
            self.malformed(f"a constant of shape {tuple(shape)}; up to {MAX_FOLDED:,} elements are computed at import")
        self.scope.graph.allowance.demand(shape)
        return tuple(shape)

    def emit(self, op: Op, inputs: Iterable[str], shape: Iterable[int], **fields: Any) -> str:  # noqa: ANN401
        """Compute a fresh f32 tensor (or what `fields` say) with `op`, at once where all that it reads is constant.

        What is dequantized stays what it is, as layers want their weights in integers.
        """
        inputs, name = tuple(inputs), self.node.outputs[0] if self.node.outputs else self.node.op
        y, read = Tensor(name, fields.pop("dtype", "f32"), tuple(shape), **fields), self.scope.graph.of(inputs)
        known = not isinstance(op, Dequantize) and all(t.constant is not None for t in read)
        if known and self.scope.graph.allowance.look(sum(t.size for t in read)):
            self.scope.check_size(self.label, y.shape)
            value = computed(self.scope.graph, op, read, y)
            if value is not None:
                return self.scope.constant(name, value, y.quantization)
        return self.scope.emit(self.label, op, inputs, y)

    def moved(self, op: Op, x: Tensor, shape: Iterable[int], *more: str) -> str:
        """Compute a fresh tensor of elements of `x`, in its type and quantization; `more` are further inputs."""
        return self.emit(op, (x.name, *more), shape, dtype=x.dtype, quantization=x.quantization)

    def transpose(self, x: str, perm: tuple[int, ...]) -> str:
        t = self.scope.tensor(x)
        return self.moved(Transpose(perm), t, [t.shape[p] for p in perm])

    def weights(self, index: int, perm: tuple[int, ...]) -> Tensor:
        """Constant weights, or dequantized constant weights, with their axes permuted."""
        t = self.real(index)
        if len(t.shape) != len(perm):
            self.refuse(f"weights {t.name!r} have shape {t.shape}; rank {len(perm)} is supported")
        key = (t.name, perm)
        if key not in self.scope.permuted:
            self.scope.permuted[key] = self._permuted(t, perm)
        return self.scope.tensor(self.scope.permuted[key])

    def _permuted(self, t: Tensor, perm: tuple[int, ...]) -> str:
        name, value, q = self.stored(t)
        moved = q if q is None or q.axis is None else Quantization(q.scale, q.zero_point, perm.index(q.axis))
        return self.held(name, value.transpose(perm), moved)

    def stored(self, t: Tensor) -> tuple[str, Array, Quantization | None]:
        """Return constant weights as they are stored: numbers, or integers and their quantization."""
        if t.constant is not None:
            return t.name, t.constant, None
        node = self.scope.made.get(t.name)
        source = self.scope.tensor(node.inputs[0]) if node and isinstance(node.op, Dequantize) else None
        if source is None or source.constant is None or source.quantization is None:
            self.refuse(f"weights {t.name!r} are computed at run time; they must be constant")
        return source.name, source.constant, source.quantization

    def held(self, name: str, value: Array, q: Quantization | None) -> str:
        """Add constant weights in f32, and return their name."""
        held = self.scope.constant(name, value, q)
        return held if q is None else self.emit(Dequantize(), (held,), value.shape)

    def bias_kernel(self, index: int, length: int) -> Kernel | None:
        """Return an optional constant vector."""
        if not self.has(index):
            return None
        t = self.real(index)
        if t.size != length:
            self.refuse(f"bias {t.name!r} has shape {t.shape}, not ({length},)")
        name, value, q = self.stored(t)
        along = q if q is None or q.per_tensor else replace(q, axis=0)  # the one axis that is as long
        return Kernel.of(name, value.reshape(length), along)

    def bias(self, index: int, length: int) -> tuple[str, ...]:
        """Return an optional constant vector, as a tuple to append to a node's inputs."""
        if not self.has(index):
            return ()
        t = self.real(index)
        kernel = self.bias_kernel(index, length) if t.size == length and self.fixed(t) else None
        if kernel and t.shape != (length,):
            return (self.held(kernel.name, *kernel.along(0)),)
        if t.shape != (length,):
            self.refuse(f"bias {t.name!r} has shape {t.shape}, not ({length},)")
        return (self.weights(index, (0,)).name,)

    def inner(self, op: str, *inputs: str, **attributes: Any) -> "Call":  # noqa: ANN401 -- as ONNX has them
        """A node of ONNX's own `op` that this node is made of, under its name; `inputs` are tensors of the graph."""
        return _Inner(self.scope, replace(self.node, op=op, domain="", inputs=inputs, attributes=attributes))

    def malformed(self, what: str) -> Never:
        hint = "python -m onnx.checker says more; export the model again"
        raise ModelError("EFN-M006", f"{self.title} is malformed: {what}", hint=hint)


class _Inner(Call):
    """A node whose inputs are called as the graph calls them."""

    def input(self, index: int) -> Tensor:
        if not self.has(index):
            self.malformed(f"input {index} is missing")
        return self.scope.tensor(self.node.inputs[index])


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)
