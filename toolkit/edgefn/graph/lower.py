"""Graph to draft: every node as an op of the plan, with packed weights and the scratch it needs."""

from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.errors import UnsupportedError
from edgefn.graph import pack
from edgefn.graph.ir import (
    Add,
    AveragePool,
    Bounds,
    Clamp,
    Concat,
    Conv2d,
    Dense,
    Dequantize,
    FlipSign,
    Graph,
    MaxPool,
    Node,
    Quantization,
    Quantize,
    Requantize,
    Reshape,
    Shape,
    Softmax,
    Tensor,
    Transpose,
    Window,
)
from edgefn.graph.rules import MAX_PANEL, panel_rows, scratch_bytes

__all__ = ["Draft", "Packed", "Step", "lower"]

type Array = NDArray[Any]

TINY, HUGE = float(np.finfo(np.float32).smallest_subnormal), float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class Packed:
    """A constant as it lies in the weights."""

    dtype: str
    dims: Shape
    data: bytes
    quantization: Quantization | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One op: `values` by parameter name, a tensor as its name in the graph or a Packed; `macs` products."""

    code: str
    node: Node
    values: dict[str, Any]
    rest: tuple[str | Packed, ...] = ()
    scratch: int = 0
    macs: int = 0


@dataclass(slots=True)
class Draft:
    """Steps in order. `alias` maps a tensor to the one whose bytes it shares."""

    steps: list[Step] = field(default_factory=list)
    alias: dict[str, str] = field(default_factory=dict)

    def root(self, name: str) -> str:
        while name in self.alias:
            name = self.alias[name]
        return name


def lower(graph: Graph) -> Draft:
    """Return the steps of an optimized graph.

    Raises UnsupportedError EFN-M012 for a node that no op of the engine can do.
    """
    draft = Draft()
    lowering = _Lowering(graph, draft)
    for node in graph.nodes:
        if isinstance(node.op, Reshape):
            lowering.reshape(node)
        else:
            draft.steps.append(lowering.step(node))
    return draft


class _Lowering:
    def __init__(self, graph: Graph, draft: Draft) -> None:
        self.graph = graph
        self.draft = draft
        self.inputs = {p.tensor for p in graph.inputs}
        self.outputs = {p.tensor for p in graph.outputs}

    def reshape(self, node: Node) -> None:
        """Share the bytes, unless an input or a constant would have to be an output too."""
        draft, x = self.draft, self.draft.root(node.inputs[0])
        y = node.output
        if y not in self.outputs:
            draft.alias[y] = x
        elif x in self.inputs | self.outputs or self.graph.tensors[x].constant is not None:
            draft.steps.append(Step("copy", node, {"x": self.source(node.inputs[0]), "y": y}))
        else:
            draft.alias[x] = y

    def step(self, node: Node) -> Step:  # noqa: PLR0911 -- one return an op
        y = self.graph.tensors[node.output]
        xs = self.graph.of(node.inputs)
        op = node.op
        match op:
            case Conv2d():
                return self.conv(node, op, xs, y)
            case Dense():
                return self.dense(node, op, xs, y)
            case Add():
                return self.add(node, op, xs, y)
            case AveragePool() | MaxPool():
                return self.pool(node, op, xs[0], y)
            case Clamp(bounds):
                return self.unary(node, f"clamp_{y.dtype}", _bounds(bounds, y))
            case Concat(axis):
                rest = tuple(self.source(i) for i in node.inputs)
                return Step("concat", node, {"y": y.name, "axis": axis, "n": len(rest)}, rest)
            case Transpose(perm):
                return self.unary(
                    node, "transpose", {f"p{i}": p for i, p in enumerate((*perm, *[0] * (6 - len(perm))))}
                )
            case Softmax():
                return self.unary(node, "softmax_f32", {})
            case FlipSign():
                return self.unary(node, "flip_sign", {})
            case _:
                return self.conversion(node, xs[0], y)

    def conversion(self, node: Node, x: Tensor, y: Tensor) -> Step:
        match node.op:
            case Quantize():
                scale, zero = _scalar(y)
                return self.unary(node, "quantize_f32_i8", {"inverse_scale": _factor(node, 1, scale), "y_zero": zero})
            case Dequantize() if x.dtype == "i8":
                scale, zero = _scalar(x)
                return self.unary(node, "dequantize_i8_f32", {"scale": scale, "x_zero": zero})
            case Requantize():
                mult = _factor(node, _scalar(x)[0], _scalar(y)[0])
                return self.unary(
                    node, "requantize_i8", {"mult": mult, "x_zero": _scalar(x)[1], "y_zero": _scalar(y)[1]}
                )
        message = f"{type(node.op).__name__} node {node.name!r} cannot be done by the engine on {x.dtype} {x.shape}"
        raise UnsupportedError("EFN-M012", message, hint="change or replace this layer")

    def source(self, name: str) -> str | Packed:
        """Return a tensor to read: its name, or its bytes when it is constant."""
        t = self.graph.tensors[self.draft.root(name)]
        if t.constant is None:
            return name
        shape = self.graph.tensors[name].shape
        return Packed(t.dtype, shape, np.ascontiguousarray(t.constant).tobytes(), t.quantization)

    def unary(self, node: Node, code: str, values: dict[str, Any]) -> Step:
        return Step(code, node, {"x": self.source(node.inputs[0]), "y": node.output, **values})

    def conv(self, node: Node, op: Conv2d, xs: list[Tensor], y: Tensor) -> Step:
        x, w = xs[0], _value(xs[1])
        kind = f"{'depthwise' if op.depthwise else 'conv2d'}_{y.dtype}"
        taps, m = prod(op.window.kernel), y.shape[3]
        k = taps if op.depthwise else taps * x.shape[3]
        flat = w.reshape(taps, m) if op.depthwise else w.reshape(m, k)
        values = _window(op.window) | {
            "dilation_h": op.window.dilation[0],
            "dilation_w": op.window.dilation[1],
        }
        return self.matrix(node, kind, (flat, op.bounds, values), xs, k=k, taps=taps)

    def dense(self, node: Node, op: Dense, xs: list[Tensor], y: Tensor) -> Step:
        return self.matrix(node, f"dense_{y.dtype}", (_value(xs[1]), op.bounds, {}), xs, k=xs[0].shape[-1], taps=1)

    def matrix(
        self, node: Node, kind: str, what: tuple[Array, Bounds, dict[str, Any]], xs: list[Tensor], *, k: int, taps: int
    ) -> Step:
        """Make a convolution or dense layer with weights `[M, K]` (depthwise `[taps, C]`)."""
        w, bounds, values = what
        y = self.graph.tensors[node.output]
        m, rows = y.shape[-1], y.size // y.shape[-1]
        if not kind.startswith("depthwise") and panel_rows(rows) * k > MAX_PANEL:
            raise UnsupportedError("EFN-M012", f"node {node.name!r} sums over {k:,} products", hint="make it smaller")
        scratch = scratch_bytes(kind, rows=rows, k=k, taps=taps, channels=m)
        weights = Packed(y.dtype, xs[1].shape, _pack(kind, w))
        values = {"x": self.source(node.inputs[0]), "w": weights, "y": y.name, **values, **_bounds(bounds, y)}
        values |= _quantized(kind, w, xs, y) if y.dtype == "i8" else {"bias": _bias(xs, m)}
        return Step(kind, node, values, scratch=scratch, macs=rows * m * k)

    def add(self, node: Node, op: Add, xs: list[Tensor], y: Tensor) -> Step:
        a, b = xs
        values = {"a": self.source(a.name), "b": self.addend(b, y), "y": y.name, **_bounds(op.bounds, y)}
        if y.dtype == "i8":
            (a_scale, a_zero), (b_scale, b_zero), (scale, zero) = _scalar(a), _scalar(b), _scalar(y)
            values |= {"a_mult": _factor(node, a_scale, scale), "b_mult": _factor(node, b_scale, scale)}
            values |= {"a_zero": a_zero, "b_zero": b_zero, "y_zero": zero}
        return Step(f"add_{y.dtype}", node, values)

    def addend(self, b: Tensor, y: Tensor) -> str | Packed:
        """Return the second operand as it is, as a vector, or spread over the whole shape."""
        if b.constant is None:
            return self.source(b.name)
        vector = b.shape[-1:] == y.shape[-1:] and b.size == prod(y.shape[-1:])
        shape = (b.size,) if vector or b.size == 1 else y.shape
        value = np.broadcast_to(b.constant, y.shape) if shape == y.shape else b.constant.reshape(shape)
        return Packed(b.dtype, shape, np.ascontiguousarray(value).tobytes(), b.quantization)

    def pool(self, node: Node, op: AveragePool | MaxPool, x: Tensor, y: Tensor) -> Step:
        values = _window(op.window)
        if isinstance(op, MaxPool):
            return self.unary(node, f"max_pool_{y.dtype}", values)
        values["count_padding"] = int(op.count_padding)
        if y.dtype == "i8":
            (x_scale, x_zero), (scale, zero) = _scalar(x), _scalar(y)
            values |= {"x_zero": x_zero, "mult": _factor(node, x_scale, scale), "y_zero": zero}
            values |= _bounds(op.bounds, y)
        return self.unary(node, f"average_pool_{y.dtype}", values)


def _f32(value: float) -> float:
    return float(np.float32(value))


def _factor(node: Node, scale: float, by: float) -> float:
    """`scale / by` as f32, which must hold it: a factor of an op is finite and not zero."""
    if not TINY <= scale / by <= HUGE:
        message = f"node {node.name!r} would multiply by {scale / by:g}, which float32 cannot hold"
        raise UnsupportedError("EFN-M012", message, hint="quantize the model again with ordinary scales")
    return _f32(scale / by)


def _scalar(t: Tensor) -> tuple[float, int]:
    if t.quantization is None:
        message = f"the integers of {t.name!r} have no scale"
        raise UnsupportedError("EFN-M012", message, hint="quantize the model in the QDQ form")
    return t.quantization.scalar


def _value(t: Tensor) -> Array:
    if t.constant is None:
        raise UnsupportedError("EFN-M012", f"weights {t.name!r} are computed at run time", hint="make them constant")
    return t.constant


def _window(window: Window) -> dict[str, Any]:
    names = ("kh", "kw", "stride_h", "stride_w", "pad_top", "pad_left")
    return dict(zip(names, (*window.kernel, *window.stride, *window.pad), strict=True))


def _bounds(bounds: Bounds, y: Tensor) -> dict[str, Any]:
    """Bounds as the op takes them: reals, or the integers they round to."""
    if y.dtype == "f32":
        return {"low": _f32(bounds.low), "high": _f32(bounds.high)}
    scale, zero = _scalar(y)
    ends = (np.rint(np.clip(np.float32(b) / np.float32(scale), -1e6, 1e6)) + zero for b in (bounds.low, bounds.high))
    low, high = (int(np.clip(e, -128, 127)) for e in ends)
    return {"low": low, "high": high}


def _pack(kind: str, w: Array) -> bytes:
    if kind.startswith("depthwise"):
        return pack.pack_depthwise(w)
    return pack.pack_matrix_f32(w) if kind.endswith("f32") else pack.pack_matrix_i8(w)


def _bias(xs: list[Tensor], m: int) -> Packed:
    value = _value(xs[2]) if len(xs) > 2 else np.zeros(m, np.float32)
    return Packed("f32", (m,), pack.pack_vector(value.astype(np.float32)))


def _quantized(kind: str, w: Array, xs: list[Tensor], y: Tensor) -> dict[str, Any]:
    """Bias with the zero point of x folded in, multipliers and zero points."""
    x_scale, x_zero = _scalar(xs[0])
    y_scale, y_zero = _scalar(y)
    q = xs[1].quantization
    scales = q.scale.astype(np.float64) if q else np.ones(1)
    sums = w.astype(np.int64).sum(axis=0 if kind.startswith("depthwise") else 1)
    bias = (_value(xs[2]).astype(np.int64) - x_zero * sums).astype(np.int32)
    mult = (x_scale * scales / y_scale).astype(np.float32)
    vectors = {"bias": Packed("i32", bias.shape, pack.pack_vector(bias))}
    vectors["mult"] = Packed("f32", mult.shape, pack.pack_vector(mult, fill=1))
    return {**vectors, "x_zero": x_zero, "y_zero": y_zero}
