"""Two operands, element by element, under numpy's broadcasting: ADD, MUL, MAXIMUM and their like, PRELU, ADD_N.

f32 and i32 are computed as they are, i8 by the fixed point of TFLite's reference kernels.
"""

from collections.abc import Callable
from math import prod

import numpy as np

from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.importers.tflite.tables import quotients
from edgefn.graph.ir import NUMPY, OPEN, RUNTIME, Bounds, DType, Shape, Tensor
from edgefn.graph.ops import Add, Binary, BinaryQ8, Cast, Gather, Unary
from edgefn.graph.ops.binary import COMPARISONS

__all__ = [
    "add",
    "add_n",
    "as_dtype",
    "combine",
    "div",
    "extreme",
    "floor_div",
    "floor_mod",
    "joint",
    "mul",
    "number",
    "operands",
    "power",
    "prelu",
    "squared_difference",
    "sub",
]


def number(call: Call, value: float, dtype: DType = "f32") -> str:
    """A constant of one element."""
    return call.scope.constant(f"{call.label}.{value:g}", np.array(value, NUMPY[dtype]))


def as_dtype(call: Call, x: str, dtype: DType) -> str:
    """`x` as numbers of another dtype."""
    t = call.scope.tensor(x)
    return x if t.dtype == dtype else call.emit(Cast(), (x,), t.shape, Tensor(call.label, dtype, t.shape))


def combine(call: Call, function: str, a: str, b: str) -> str:
    """A function of two tensors of one dtype, f32 or i32."""
    left, right = call.scope.tensor(a), call.scope.tensor(b)
    dtype: DType = "u8" if function in COMPARISONS else left.dtype
    shape = joint(call, left.shape, right.shape)
    return call.emit(Binary(function), (a, b), shape, Tensor(call.label, dtype, shape))


def joint(call: Call, *shapes: Shape) -> Shape:
    """The shape that others broadcast to."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        call.malformed(f"{' and '.join(map(str, shapes))} do not broadcast")


def operands(call: Call, *dtypes: DType) -> tuple[Tensor, ...]:
    """All inputs, of the output's dtype, which is one of `dtypes`; i8 with one scale each."""
    y = call.output
    found = tuple(call.value(i) for i in range(len(call.op.inputs)))
    for t in (*found, y):
        if RUNTIME[t.dtype] != RUNTIME[y.dtype] or RUNTIME[t.dtype] not in dtypes:
            call.refuse(f"{t.dtype} tensor {t.name!r}; all of {' or all of '.join(dtypes)} is supported")
        if t.dtype == "i8" and not (t.quantization and t.quantization.per_tensor):
            call.refuse(f"tensor {t.name!r}; i8 with one scale is supported")
    return found


def _both(call: Call, *dtypes: DType) -> tuple[Tensor, Tensor]:
    found = operands(call, *dtypes)
    if len(found) != 2:
        call.malformed(f"it has {len(found)} inputs, not 2")
    return found[0], found[1]


def _fixed(call: Call, function: str, a: Tensor, b: Tensor, bounds: Bounds = OPEN) -> str:
    return call.emit(BinaryQ8(function, bounds), (a.name, b.name), joint(call, a.shape, b.shape))


def _bounded(call: Call, x: str) -> str:
    """Under the fused activation, which only i32 does not have."""
    if not call.bounds().open and call.scope.tensor(x).dtype == "i32":
        call.refuse(f"the fused activation {call.option('fused_activation_function')} of i32")
    return call.activated(x)


def add(call: Call) -> str:
    return _bounded(call, _sum(call, *_both(call, "f32", "i32", "i8")))


def _sum(call: Call, a: Tensor, b: Tensor) -> str:
    """An Add where the engine has one: it may be fused with what is before and behind it."""
    if (a.constant is not None, -a.size) > (b.constant is not None, -b.size):
        a, b = b, a
    shape = joint(call, a.shape, b.shape)
    vector = b.shape[-1:] == shape[-1:] and b.size == prod(b.shape[-1:])
    if shape != a.shape or a.dtype == "i32" or not (b.constant is not None or b.size in {1, a.size} or vector):
        return _fixed(call, "add", a, b) if a.dtype == "i8" else combine(call, "add", a.name, b.name)
    name = b.name if b.constant is not None or b.shape == shape else call.reshape(b.name, _lying(b, shape))
    return call.emit(Add(), (a.name, name), shape)


def _lying(b: Tensor, shape: Shape) -> Shape:
    """As Add takes it: whole, or as a vector."""
    return shape if b.size == prod(shape) else (b.size,)


def add_n(call: Call) -> str:
    """The sum of any number of inputs of one shape."""
    first, *others = operands(call, "f32", "i32")
    for other in others:
        first = call.scope.tensor(_sum(call, first, other))
    return first.name


def sub(call: Call) -> str:
    a, b = _both(call, "f32", "i32", "i8")
    if a.dtype == "i8":
        return _fixed(call, "sub", a, b, call.bounds())
    if b.dtype == "f32" and b.constant is not None:
        return _bounded(call, _sum(call, a, call.scope.tensor(call.scope.constant(b.name, -b.constant))))
    return _bounded(call, combine(call, "sub", a.name, b.name))


def mul(call: Call) -> str:
    a, b = _both(call, "f32", "i32", "i8")
    if a.dtype == "i8":
        return _fixed(call, "mul", a, b, call.bounds())
    if a.constant is not None:
        a, b = b, a  # a constant goes to the right, where passes look for it
    return _bounded(call, combine(call, "mul", a.name, b.name))


def div(call: Call) -> str:
    """i32 is cut towards 0; of i8 a table has all quotients, which are rarely many."""
    a, b = _both(call, "f32", "i32", "i8")
    if a.dtype == "i8":
        return _bounded(call, _quotient(call, a, b))
    return _bounded(call, combine(call, "div", a.name, b.name))


def _quotient(call: Call, a: Tensor, b: Tensor) -> str:
    high = combine(call, "mul", as_dtype(call, a.name, "i32"), number(call, 256, "i32"))
    pairs = combine(call, "add", high, as_dtype(call, b.name, "i32"))
    table = call.scope.constant(f"{call.label}.quotients", quotients(call, a, b))
    return call.emit(Gather(0), (table, pairs), call.scope.tensor(pairs).shape)


def extreme(function: str) -> Callable[[Call], str]:
    """MAXIMUM and MINIMUM; i8 of one quantization."""

    def handler(call: Call) -> str:
        a, b = _both(call, "f32", "i32", "i8")
        if a.dtype != "i8":
            return combine(call, function, a.name, b.name)
        call.same_quantization(a)
        call.same_quantization(b)
        return _fixed(call, function, a, b)

    return handler


def squared_difference(call: Call) -> str:
    a, b = _both(call, "f32", "i32", "i8")
    if a.dtype == "i8":
        return _fixed(call, "squared_difference", a, b)
    difference = combine(call, "sub", a.name, b.name)
    return combine(call, "mul", difference, difference)


def floor_div(call: Call) -> str:
    """What is left of a floor division is taken off first: then the quotient is whole, but for its rounding."""
    a, b = _both(call, "f32", "i32")
    whole = combine(call, "sub", a.name, combine(call, "mod", a.name, b.name))
    y = combine(call, "div", whole, b.name)
    return call.emit(Unary("round"), (y,), call.scope.tensor(y).shape) if a.dtype == "f32" else y


def floor_mod(call: Call) -> str:
    """Of the sign of the divisor."""
    a, b = _both(call, "f32", "i32")
    return combine(call, "mod", a.name, b.name)


_POWERS = {0.5: "sqrt", -0.5: "rsqrt", -1.0: "reciprocal"}


def power(call: Call) -> str:
    """A constant exponent that the engine has a function for is that function."""
    a, b = _both(call, "f32")
    exponent = float(b.constant.reshape(-1)[0]) if b.constant is not None and b.size == 1 else 0.0
    if joint(call, a.shape, b.shape) == a.shape and exponent in _POWERS:
        return call.emit(Unary(_POWERS[exponent]), (a.name,), a.shape)
    if joint(call, a.shape, b.shape) == a.shape and exponent in {2.0, 3.0}:
        square = combine(call, "mul", a.name, a.name)
        return square if exponent == 2 else combine(call, "mul", square, a.name)
    return combine(call, "pow", a.name, b.name)


def prelu(call: Call) -> str:
    """A slope for what is below 0."""
    x, slope = _both(call, "f32", "i8")
    if joint(call, x.shape, slope.shape) != x.shape:
        call.malformed(f"slopes of shape {slope.shape} for {x.shape}")
    return _fixed(call, "prelu", x, slope) if x.dtype == "i8" else combine(call, "prelu", x.name, slope.name)
