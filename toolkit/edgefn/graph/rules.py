"""What every op of a plan must fulfil before it may run (docs/spec/plan.md)."""

from __future__ import annotations

from math import inf, isfinite, isnan
from typing import TYPE_CHECKING

from edgefn.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgefn.graph.plan import PlanOp, PlanTensor

__all__ = ["check_op", "packed_bytes", "round_up", "scratch_bytes"]

MAX_WINDOW = 4096
MAX_PANEL = 1 << 28
MAX_ROWS = 96


class _View:
    """An op with its tensors at hand; `need` refuses with the op named."""

    def __init__(self, number: int, op: PlanOp, tensors: tuple[PlanTensor, ...]) -> None:
        self.op = op
        self.where = f"op {number} ({op.code.name})"
        for p, v in zip(op.code.parameters, op.values, strict=True):
            if p.kind == "tensor":
                self.need(v < len(tensors), f"{p.name} is tensor {v} of {len(tensors)}")
        self.need(all(i < len(tensors) for i in op.rest), "an input is no tensor")
        named = zip(op.code.parameters, op.values, strict=True)
        self.tensor = {p.name: tensors[int(v)] for p, v in named if p.kind == "tensor"}
        self.rest = [tensors[i] for i in op.rest]

    def need(self, fulfilled: bool, otherwise: str) -> None:
        if not fulfilled:
            raise ModelError(
                "EFN-M022",
                f"not a valid plan: {self.where}: {otherwise}",
                hint="compile the model again: edgefn model compile",
            )

    def dtypes(self, **wanted: str) -> None:
        for name, dtype in wanted.items():
            self.need(self.tensor[name].dtype == dtype, f"{name} is {self.tensor[name].dtype}, not {dtype}")


def round_up(n: int, to: int) -> int:
    return -(-n // to) * to


def panel_rows(rows: int) -> int:
    """Rows that a matrix multiplication gathers at a time."""
    return min(MAX_ROWS, round_up(rows, 4))


def scratch_bytes(kind: str, *, rows: int, k: int, taps: int, channels: int) -> int:
    """Working memory of an op, in bytes: `kind` is its name in the table of op codes."""
    if kind.startswith("depthwise"):
        return round_up(channels, 8) * (4 if kind.endswith("f32") else 1) + taps * 4
    if kind.endswith("f32"):
        return (panel_rows(rows) * k + 4 * k) * 4
    return panel_rows(rows) * round_up(k, 2) * 2 + 4 * round_up(round_up(k, 2), 16)


def packed_bytes(kind: str, *, m: int, k: int, taps: int) -> int:
    """Bytes of the packed weights of an op with `m` outputs and `k` products each."""
    if kind.startswith("depthwise"):
        return taps * round_up(m, 8) * (4 if kind.endswith("f32") else 1)
    return round_up(m, 8) * (k * 4 if kind.endswith("f32") else round_up(k, 2))


def check_op(number: int, op: PlanOp, tensors: tuple[PlanTensor, ...], arena_bytes: int) -> None:
    """Refuse, with ModelError EFN-M022, an op that would read, write or compute outside what the format allows."""
    view = _View(number, op, tensors)
    _parameters(view)
    if op.code.name != "concat":
        view.need(view.tensor["y"].place == "arena", "y is placed in weights")
    _RULES[op.code.name](view, arena_bytes)


def _parameters(v: _View) -> None:
    for p, value in zip(v.op.code.parameters, v.op.values, strict=True):
        if p.kind == "f32":
            bound = p.name in {"low", "high"}
            v.need(not isnan(value) if bound else isfinite(value) and 0 < value < inf, f"{p.name} is {value}")
        elif p.name.endswith("_zero") or p.name in {"low", "high"}:
            v.need(-128 <= value <= 127, f"{p.name} is {value}")
        elif p.name == "scratch":
            v.need(value % 16 == 0, f"scratch at {value}")
        elif p.name == "count_padding":
            v.need(value in {0, 1}, f"count_padding is {value}")
    if "low" in v.op:
        v.need(v.op["low"] <= v.op["high"], f"low {v.op['low']} is above high {v.op['high']}")


def _window(v: _View) -> None:
    """Rank, batch, sizes and pads of a convolution or pool."""
    x, y, op = v.tensor["x"], v.tensor["y"], v.op
    v.need(len(x.dims) == 4 and len(y.dims) == 4, f"x {x.dims} or y {y.dims} is not of rank 4")
    v.need(x.dims[0] == y.dims[0], "x and y differ in batch")
    for axis, side, pad_name in ((1, "h", "pad_top"), (2, "w", "pad_left")):
        kernel, stride, pad = op[f"k{side}"], op[f"stride_{side}"], op[pad_name]
        dilation = op[f"dilation_{side}"] if "dilation_h" in op else 1
        v.need(all(1 <= n <= MAX_WINDOW for n in (kernel, stride, dilation)), "a kernel size, stride or dilation")
        reach = (kernel - 1) * dilation + 1
        v.need(0 <= pad <= MAX_WINDOW and pad < reach, f"{pad_name} is {pad} with a kernel of {reach}")
        v.need((y.dims[axis] - 1) * stride < x.dims[axis] + pad, "a window begins behind the input")


def _matrix(v: _View, arena: int, *, m: int, k: int, taps: int, rows: int) -> None:
    """Packed weights, bias, multipliers and scratch."""
    name = v.op.code.name
    quantized = name.endswith("i8")
    real = "i8" if quantized else "f32"
    v.dtypes(x=real, y=real, w=real, bias="i32" if quantized else "f32")
    _whole(v, v.tensor["x"])
    sizes = {"w": packed_bytes(name, m=m, k=k, taps=taps), "bias": round_up(m, 8) * 4}
    if quantized:
        v.dtypes(mult="f32")
        sizes["mult"] = round_up(m, 8) * 4
    for part, size in sizes.items():
        t = v.tensor[part]
        v.need(t.place == "weights" and t.nbytes == size, f"{part} has {t.nbytes:,} bytes in {t.place}, not {size:,}")
    v.need(name.startswith("depthwise") or k * panel_rows(rows) <= MAX_PANEL, f"K = {k:,} is too long")
    scratch = scratch_bytes(name, rows=rows, k=k, taps=taps, channels=m)
    v.need(v.op["scratch"] + scratch <= arena, f"scratch of {scratch:,} bytes does not fit in the arena")


def _conv(v: _View, arena: int) -> None:
    _window(v)
    x, y, op = v.tensor["x"].dims, v.tensor["y"].dims, v.op
    taps = op["kh"] * op["kw"]
    _matrix(v, arena, m=y[3], k=taps * x[3], taps=taps, rows=y[0] * y[1] * y[2])


def _depthwise(v: _View, arena: int) -> None:
    v.need(v.tensor["x"].dims[-1:] == v.tensor["y"].dims[-1:], "x and y differ in channels")
    _conv(v, arena)


def _dense(v: _View, arena: int) -> None:
    x, y = v.tensor["x"], v.tensor["y"]
    v.need(len(x.dims) > 0 and len(y.dims) > 0, "x or y has rank 0")
    k, m = x.dims[-1], y.dims[-1]
    v.need(x.size // k == y.size // m, "x and y differ in rows")
    _matrix(v, arena, m=m, k=k, taps=1, rows=x.size // k)


def _add(v: _View, _arena: int) -> None:
    real = v.op.code.name.removeprefix("add_")
    v.dtypes(a=real, b=real, y=real)
    a, b, y = v.tensor["a"], v.tensor["b"], v.tensor["y"]
    v.need(a.size == y.size, "a and y differ in size")
    v.need(b.size in {a.size, 1} or (b.dims[-1:] == a.dims[-1:] and b.size == a.dims[-1]), "b does not fit a")
    v.need(all(t.nbytes == t.size * (4 if real == "f32" else 1) for t in (a, b)), "a or b has another number of bytes")


def _pool(v: _View, _arena: int) -> None:
    real = "i8" if v.op.code.name.endswith("i8") else "f32"
    v.dtypes(x=real, y=real)
    _window(v)
    v.need(v.tensor["x"].dims[3] == v.tensor["y"].dims[3], "x and y differ in channels")
    _whole(v, v.tensor["x"])


def _whole(v: _View, t: PlanTensor) -> None:
    item = 4 if t.dtype in {"f32", "i32"} else 1
    v.need(t.nbytes == t.size * item, "x is packed")


def _elementwise(x: str, y: str) -> Callable[[_View, int], None]:
    def check(v: _View, _arena: int) -> None:
        v.dtypes(x=x, y=y)
        _equal_sizes(v)

    return check


def _equal_sizes(v: _View) -> None:
    v.need(v.tensor["x"].size == v.tensor["y"].size, "x and y differ in size")
    _whole(v, v.tensor["x"])


def _softmax(v: _View, _arena: int) -> None:
    v.dtypes(x="f32", y="f32")
    _equal_sizes(v)
    x, y = v.tensor["x"].dims, v.tensor["y"].dims
    v.need(len(x) > 0 and x[-1:] == y[-1:], "x and y differ in the last dimension")


def _flip_sign(v: _View, _arena: int) -> None:
    pair = {v.tensor["x"].dtype, v.tensor["y"].dtype}
    v.need(pair == {"i8", "u8"}, "x and y are not one u8 and one i8")
    _equal_sizes(v)


def _transpose(v: _View, _arena: int) -> None:
    x, y = v.tensor["x"], v.tensor["y"]
    rank = len(x.dims)
    perm = [v.op[f"p{i}"] for i in range(6)]
    v.need(x.dtype == y.dtype, "x and y differ in dtype")
    v.need(sorted(perm[:rank]) == list(range(rank)) and not any(perm[rank:]), f"{perm} is no permutation of {rank}")
    v.need(y.dims == tuple(x.dims[p] for p in perm[:rank]), f"y {y.dims} is not x {x.dims} permuted by {perm[:rank]}")
    _whole(v, x)


def _concat(v: _View, _arena: int) -> None:
    y, axis, n = v.tensor["y"], v.op["axis"], v.op["n"]
    v.need(y.place == "arena", "y is placed in weights")
    v.need(1 <= n <= 64 and n == len(v.rest), f"{n} inputs are announced, {len(v.rest)} given")
    v.need(axis < len(y.dims), f"axis {axis} of rank {len(y.dims)}")
    total = 0
    for x in v.rest:
        v.need(x.dtype == y.dtype and len(x.dims) == len(y.dims), "an input differs from y in dtype or rank")
        v.need(x.dims[:axis] == y.dims[:axis] and x.dims[axis + 1 :] == y.dims[axis + 1 :], "an input differs in dims")
        _whole(v, x)
        total += x.dims[axis]
    v.need(total == y.dims[axis], f"the inputs have {total} along axis {axis}, y has {y.dims[axis]}")


def _copy(v: _View, _arena: int) -> None:
    x, y = v.tensor["x"], v.tensor["y"]
    v.need(x.dtype == y.dtype and x.nbytes == y.nbytes, "x and y differ in dtype or bytes")
    _whole(v, x)


_RULES: dict[str, Callable[[_View, int], None]] = {
    "conv2d_f32": _conv,
    "conv2d_i8": _conv,
    "depthwise_f32": _depthwise,
    "depthwise_i8": _depthwise,
    "dense_f32": _dense,
    "dense_i8": _dense,
    "add_f32": _add,
    "add_i8": _add,
    "average_pool_f32": _pool,
    "average_pool_i8": _pool,
    "max_pool_f32": _pool,
    "max_pool_i8": _pool,
    "clamp_f32": _elementwise("f32", "f32"),
    "clamp_i8": _elementwise("i8", "i8"),
    "softmax_f32": _softmax,
    "quantize_f32_i8": _elementwise("f32", "i8"),
    "dequantize_i8_f32": _elementwise("i8", "f32"),
    "requantize_i8": _elementwise("i8", "i8"),
    "flip_sign": _flip_sign,
    "transpose": _transpose,
    "concat": _concat,
    "copy": _copy,
}
