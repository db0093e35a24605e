"""What the handlers of TFLite operators see: the graph under construction, and checks that name the operator."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import inf, prod
from typing import Any, Never

import numpy as np
from numpy.typing import NDArray

from edgefn.errors import ModelError, UnsupportedError
from edgefn.graph.importers import call
from edgefn.graph.importers.builder import Builder
from edgefn.graph.importers.tflite.file import TfliteSubgraph
from edgefn.graph.importers.tflite.op import TfliteOp
from edgefn.graph.importers.tflite.tensor import TfliteTensor
from edgefn.graph.ir import NUMPY, RUNTIME, Bounds, DType, Op, Quantization, Tensor
from edgefn.graph.ops import Clamp, Reshape
from edgefn.graph.passes.constants import computed

__all__ = ["ACTIVATIONS", "Call", "Scope", "Spread", "Variable"]

type Array = NDArray[Any]

ACTIVATIONS = {
    "NONE": Bounds(),
    "RELU": Bounds(low=0.0),
    "RELU6": Bounds(0.0, 6.0),
    "RELU_N1_TO_1": Bounds(-1.0, 1.0),
    "RELU_0_TO_1": Bounds(0.0, 1.0),
}
_ZERO_POINTS = {"i8": (-128, 127), "u8": (0, 255), "i32": (0, 0)}


@dataclass(slots=True)
class Variable:
    """What is kept between runs: `first` before the first one, `read` as a run finds it, `now` at this point of a run.

    The last two are names in the graph, empty as long as nothing asked.
    """

    name: str
    first: Array | None = None
    read: str = ""
    now: str = ""


@dataclass(frozen=True, slots=True)
class Spread:
    """What SPACE_TO_BATCH_ND took apart: images `source` in `blocks`, with so many zeros in front `first` of each side.

    Every image that it made has these `sides`.
    """

    source: str
    blocks: tuple[int, int]
    first: tuple[int, int]
    sides: tuple[int, int]


@dataclass(slots=True)
class Scope(Builder):
    """The graph under construction, the file's tensors, and the name in the graph of each that is known by now.

    `handles` has the name of the variable that a tensor stands for, `assigned` the names of those that a run assigns.
    With `unsigned`, quantized u8 are taken for the i8 that are 128 lower. `visit` imports an operator, and `visits`
    counts them. `depth` says how many loops and choices this is inside of. `constants` has the names in the graph of
    constants of each subgraph, `weights` those of weights that a loop uses, `joints` the axis and the parts of what was
    put together, `spread` what was taken apart, `complexes` the real and the imaginary part of tensors.
    """

    subgraphs: tuple[TfliteSubgraph, ...] = ()
    tensors: tuple[TfliteTensor, ...] = ()
    assigned: frozenset[str] = frozenset()
    names: dict[int, str] = field(default_factory=dict)
    handles: dict[int, str] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)
    unsigned: bool = False
    visit: "Callable[[Scope, TfliteOp], None]" = field(kw_only=True)
    depth: int = 0
    visits: Counter[str] = field(default_factory=Counter)
    constants: dict[int, dict[int, str]] = field(default_factory=dict)
    weights: dict[object, str] = field(default_factory=dict)
    joints: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    spread: dict[str, Spread] = field(default_factory=dict)
    complexes: dict[int, tuple[str, str]] = field(default_factory=dict)

    def declared(self, index: int) -> Tensor:
        """A tensor as the file declares it, without its values."""
        t = self.tensors[index]
        if t.dtype == "c64":
            return Tensor(t.name, "f32", t.shape)  # each of its two parts
        if t.dtype not in NUMPY:
            message = f"tensor {t.name!r} has data type {t.dtype}"
            raise UnsupportedError("EFN-M011", message, hint="convert the model with int8 or float32 activations")
        dtype: DType = t.dtype
        q = self._quantization(t, dtype)
        if self.unsigned and dtype == "u8" and q is not None:
            return Tensor(t.name, "i8", t.shape, q.signed)
        return Tensor(t.name, dtype, t.shape, q)

    def _quantization(self, t: TfliteTensor, dtype: DType) -> Quantization | None:
        """Quantization of integers that are kept as such; what converters leave on other tensors means nothing."""
        q = t.quantization
        if q is None or dtype not in _ZERO_POINTS:
            return None
        low, high = _ZERO_POINTS[dtype]
        if not bool(np.all(np.isfinite(q.scales) & (q.scales > 0))):
            raise _malformed(f"tensor {t.name!r} has a scale that is not a positive number")
        if not bool(np.all((q.zero_points >= low) & (q.zero_points <= high))):
            raise _malformed(f"tensor {t.name!r} has a zero point outside {low} to {high}")
        return Quantization(q.scales.astype(np.float32), q.zero_points.astype(np.int32), q.axis)


def _malformed(what: str) -> ModelError:
    return ModelError("EFN-M006", f"the model is malformed: {what}", hint="convert the model again")


class Call(call.Call):
    """One operator being imported: its inputs as graph tensors, its options, and the way to refuse it."""

    scope: Scope

    def __init__(self, scope: Scope, op: TfliteOp) -> None:
        label = scope.tensors[op.outputs[0]].name if op.outputs else op.op
        super().__init__(scope, label, f"{op.op} operator {label!r}")
        self.op = op

    def has(self, index: int) -> bool:
        return index < len(self.op.inputs) and self.op.inputs[index] >= 0

    def input(self, index: int) -> Tensor:
        if not self.has(index):
            self.malformed(f"input {index} is missing")
        number = self.op.inputs[index]
        if number in self.scope.complexes:
            self.refuse("complex numbers")
        if number not in self.scope.names:
            self._define(number)
        return self.scope.tensor(self.scope.names[number])

    def _define(self, number: int) -> None:
        """A constant comes into the graph when it is first read."""
        t = self.scope.tensors[number]
        if t.dtype == "c64" and t.constant is not None:
            self.refuse(f"complex constant {t.name!r}")
        like = self.scope.declared(number)
        value = np.zeros(t.shape, NUMPY[like.dtype]) if prod(t.shape) == 0 else t.constant
        if value is None:
            self.malformed(f"reads {t.name!r}, which nothing before it computes")
        value = np.array(value)
        if like.dtype == "i8" and value.dtype == np.uint8:
            value = (value ^ 128).view(np.int8)
        self.scope.names[number] = self.scope.constant(t.name, value, like.quantization)

    def named(self, index: int) -> str:
        return self.scope.tensors[self.op.inputs[index]].name

    def movable(self, index: int) -> Tensor:
        """An input whose elements are moved as they are, to mean what the output says, as in TFLite's kernels."""
        x = self._alike(index)
        if x.dtype in {"i8", "u8"} and x.meaning != self.output.meaning:
            return self.scope.tensor(self.emit(Reshape(), (x.name,), x.shape))
        return x

    def joinable(self, index: int) -> Tensor:
        """An input that becomes a part of the output, and has its scale."""
        x = self._alike(index)
        if x.dtype in {"i8", "u8"} and x.meaning != self.output.meaning:
            self.refuse("input and output are quantized differently")
        return x

    def _alike(self, index: int) -> Tensor:
        x, y = self.value(index), self.output
        if x.dtype != RUNTIME[y.dtype]:
            self.malformed(f"input is {x.dtype}, output is {y.dtype}")
        return x

    @property
    def output(self) -> Tensor:
        """What the file says the operator computes."""
        if not self.op.outputs:
            self.malformed("it has no output")
        return self.scope.declared(self.op.outputs[0])

    def option(self, name: str) -> Any:  # noqa: ANN401 -- as the schema says
        return self.op.options[name]

    def bounds(self) -> Bounds:
        """The bounds of the activation that is fused into the operator."""
        name = self.option("fused_activation_function")
        if name not in ACTIVATIONS:
            self.refuse(f"the fused activation {name}; supported are {', '.join(ACTIVATIONS)}")
        return ACTIVATIONS[name]

    def emit(self, op: Op, inputs: Iterable[str], shape: Iterable[int], like: Tensor | None = None) -> str:
        """Compute a fresh tensor of the output's type and quantization, or of those of `like`.

        What depends on constants only is one at once: so exporters compute shapes.
        """
        model, names = like or self.output, tuple(inputs)
        y = Tensor(model.name, model.dtype, tuple(shape), model.quantization)
        read = self.scope.graph.of(names)
        known = all(t.constant is not None for t in read) and self.scope.graph.allowance.look(sum(t.size for t in read))
        value = computed(self.scope.graph, op, read, y) if known else None
        if value is not None:
            return self.scope.constant(y.name, value, y.quantization)
        return self.scope.emit(self.label, op, names, y)

    def moved(self, op: Op, x: Tensor, shape: Iterable[int], *more: str) -> str:
        """Compute a fresh tensor of elements of `x`, in its type and quantization; `more` are further inputs."""
        return self.emit(op, (x.name, *more), shape, x)

    def held(self, name: str, value: Array, q: Quantization | None) -> str:
        """Weights are there once, however many rounds of a loop use them."""
        if self.scope.depth == 0:
            return self.scope.constant(name, value, q)
        key = (name, value.shape, value.dtype, value.tobytes(), q.key if q else None)
        if key not in self.scope.weights:
            self.scope.weights[key] = self.scope.constant(name, value, q)
        return self.scope.weights[key]

    def activated(self, x: str) -> str:
        """`x` under the fused activation."""
        return self.clamped(x, self.bounds())

    def clamped(self, x: str, bounds: Bounds) -> str:
        t = self.scope.tensor(x)
        return x if bounds == Bounds(-inf, inf) else self.emit(Clamp(bounds), (x,), t.shape, t)

    def images(self, index: int) -> Tensor:
        """An input that must be images `[N, H, W, C]`, in floats or i8."""
        t = self.numbers(index)
        if len(t.shape) != 4:
            self.refuse(f"an input of shape {t.shape}; images of rank 4 (N, H, W, C) are supported")
        return t

    def numbers(self, index: int) -> Tensor:
        """An input that must be f32, or i8 with one scale, like the output."""
        t = self.input(index)
        for one in (t, self.output):
            if one.dtype != "f32" and not (one.dtype == "i8" and one.quantization and one.quantization.per_tensor):
                self.refuse(f"{one.dtype} tensor {one.name!r}; f32 and i8 with one scale are supported")
        if t.dtype != self.output.dtype:
            self.refuse(f"{t.dtype} input {t.name!r} to {self.output.dtype}")
        return t

    def same_quantization(self, x: Tensor) -> None:
        """Refuse an operator that only moves or compares values, when it has to change their scale too."""
        y = self.output
        if x.dtype != y.dtype:
            self.malformed(f"input is {x.dtype}, output is {y.dtype}")
        if x.dtype == "i8" and not (x.quantization and x.quantization.same(y.quantization)):
            self.refuse("input and output are quantized differently")

    def malformed(self, what: str) -> Never:
        raise ModelError("EFN-M006", f"{self.title} is malformed: {what}", hint="convert the model again")
