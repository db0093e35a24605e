"""Two or more operands, element by element, under numpy's broadcasting: arithmetic, comparisons, logic, Where."""

from collections.abc import Callable

import numpy as np

from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.ir import DType, Shape, Tensor
from edgefn.graph.ops import Add, Binary, Cast, Select, Unary
from edgefn.graph.ops.binary import COMPARISONS

__all__ = [
    "add",
    "as_dtype",
    "bitwise",
    "combine",
    "compare",
    "div",
    "extreme",
    "logic",
    "mean",
    "mod",
    "mul",
    "number",
    "pow_",
    "prelu",
    "sub",
    "sum_",
    "where",
]

_WHOLE: frozenset[DType] = frozenset({"i8", "u8"})  # what is computed in i32


def number(call: Call, value: float, dtype: DType = "f32") -> str:
    """A constant of one element."""
    return call.scope.constant(
        f"{call.node.label}.{value:g}", np.array(value, np.float32 if dtype == "f32" else np.int32)
    )


def as_dtype(call: Call, x: str, dtype: DType) -> str:
    """`x` as numbers of another dtype."""
    t = call.scope.tensor(x)
    return x if t.dtype == dtype else call.emit(Cast(), (x,), t.shape, dtype=dtype)


def combine(call: Call, function: str, a: str, b: str) -> str:
    """A function of two tensors of one dtype."""
    left, right = call.scope.tensor(a), call.scope.tensor(b)
    if left.dtype != right.dtype:
        call.malformed(f"operands of {left.dtype} and {right.dtype}")
    dtype: DType = "u8" if function in COMPARISONS else left.dtype
    return call.emit(Binary(function), (a, b), _joint(call, left.shape, right.shape), dtype=dtype)


def _joint(call: Call, *shapes: Shape) -> Shape:
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        call.malformed(f"{' and '.join(map(str, shapes))} do not broadcast")


def _operands(call: Call) -> tuple[list[str], DType]:
    """The inputs in what they are computed in, and the dtype that the result has."""
    values = [call.value(i) for i in range(len(call.node.inputs))]
    dtypes = {v.dtype for v in values}
    if len(dtypes) != 1:
        call.malformed(f"operands of {', '.join(sorted(dtypes))}")
    dtype = values[0].dtype
    return [as_dtype(call, v.name, "i32" if dtype in _WHOLE else dtype) for v in values], dtype


def _folded(call: Call, step: Callable[[Call, str, str], str]) -> str:
    """All operands by one function of two, from the left."""
    (first, *others), dtype = _operands(call)
    for other in others:
        first = step(call, first, other)
    return as_dtype(call, first, dtype)


def _addition(call: Call, a: str, b: str) -> str:
    """An Add where the engine has one: it may be fused with what is before and behind it."""
    left, right = call.scope.tensor(a), call.scope.tensor(b)
    if _rank_of(call, left) > _rank_of(call, right):
        left, right = right, left
    shape = _joint(call, left.shape, right.shape)
    if left.dtype != "f32" or left.shape != shape or not (call.fixed(right) or _repeats_simply(right, shape)):
        return combine(call, "add", left.name, right.name)
    if not call.fixed(right) and right.shape != shape:
        right = call.scope.tensor(call.reshape(right.name, shape if right.size == left.size else (right.size,)))
    return call.emit(Add(), (left.name, right.name), shape)


def _rank_of(call: Call, t: Tensor) -> tuple[bool, int, int]:
    """Activations come first, the largest in front."""
    return call.fixed(t), -t.size, -len(t.shape)


def _repeats_simply(b: Tensor, shape: Shape) -> bool:
    """Whether an operand is as large as the result, a vector along its last dimension, or one element."""
    size = int(np.prod(shape))
    return b.size in {1, size} or (b.shape[-1:] == shape[-1:] and b.size == shape[-1])


def _product(call: Call, a: str, b: str) -> str:
    """A constant goes to the right, where passes look for it."""
    if call.fixed(call.scope.tensor(a)):
        a, b = b, a
    return combine(call, "mul", a, b)


def add(call: Call) -> str:
    return _folded(call, _addition)


def sum_(call: Call) -> str:
    return _folded(call, _addition)


def mean(call: Call) -> str:
    total = sum_(call)
    return combine(call, "div", total, number(call, len(call.node.inputs)))


def sub(call: Call) -> str:
    def subtract(call: Call, a: str, b: str) -> str:
        right = call.scope.tensor(b)
        if right.dtype == "f32" and right.constant is not None:
            return _addition(call, a, call.scope.constant(right.name, -right.constant))
        return combine(call, "sub", a, b)

    return _folded(call, subtract)


def mul(call: Call) -> str:
    return _folded(call, _product)


def div(call: Call) -> str:
    def divide(call: Call, a: str, b: str) -> str:
        divisor = call.scope.tensor(b)
        if divisor.dtype == "f32" and divisor.constant is not None and _is_power_of_two(divisor.constant):
            return _product(call, a, call.scope.constant(divisor.name, np.float32(1) / divisor.constant))
        return combine(call, "div", a, b)

    return _folded(call, divide)


def _is_power_of_two(value: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> bool:
    """Whether a product with the reciprocal is the quotient, to the last bit."""
    fraction, exponent = np.frexp(value)
    return bool(np.all((np.abs(fraction) == 0.5) & (np.abs(exponent) < 100)))


def mod(call: Call) -> str:
    """Of the sign of the divisor, or with `fmod` of the dividend."""
    function = "fmod" if call.attribute("fmod", 0) else "mod"
    return _folded(call, lambda call, a, b: combine(call, function, a, b))


def extreme(function: str) -> Callable[[Call], str]:
    """Max or Min of any number of operands."""
    return lambda call: _folded(call, lambda call, a, b: combine(call, function, a, b))


def pow_(call: Call) -> str:
    """In f32; a constant exponent that the engine has a function for is that function."""
    x, exponent = call.value(0), call.value(1)
    base = as_dtype(call, x.name, "f32")
    power = exponent.constant
    if power is not None and power.size == 1 and len(exponent.shape) <= len(x.shape):
        y = _known_power(call, base, float(power.reshape(())))
        if y is not None:
            return as_dtype(call, y, x.dtype)
    y = combine(call, "pow", base, as_dtype(call, exponent.name, "f32"))
    return as_dtype(call, y, x.dtype)


def _known_power(call: Call, x: str, exponent: float) -> str | None:
    functions = {0.5: "sqrt", -0.5: "rsqrt", -1.0: "reciprocal"}
    if exponent in functions:
        return call.emit(Unary(functions[exponent]), (x,), call.scope.tensor(x).shape)
    if exponent == 1:
        return x
    if exponent not in {2, 3}:
        return None
    square = combine(call, "mul", x, x)
    return square if exponent == 2 else combine(call, "mul", square, x)


def prelu(call: Call) -> str:
    """A slope for what is below 0."""
    x, slope = call.real(0), call.real(1)
    if _joint(call, x.shape, slope.shape) != x.shape:
        call.malformed(f"slopes of shape {slope.shape} for {x.shape}")
    return combine(call, "prelu", x.name, slope.name)


def compare(function: str, *, swapped: bool = False) -> Callable[[Call], str]:
    """A comparison of two operands, perhaps the other way round."""

    def handler(call: Call) -> str:
        (a, b), _ = _operands(call)
        return combine(call, function, b, a) if swapped else combine(call, function, a, b)

    return handler


def logic(function: str) -> Callable[[Call], str]:
    """And, Or, Xor; Not is xor with 1."""

    def handler(call: Call) -> str:
        values = [call.value(i) for i in range(len(call.node.inputs))]
        if any(v.dtype != "u8" for v in values):
            call.malformed("its operands are not bool")
        a, *others = (v.name for v in values)
        b = others[0] if others else call.scope.constant(f"{call.node.label}.true", np.array(1, np.uint8))
        return combine(call, function, a, b)

    return handler


def bitwise(function: str) -> Callable[[Call], str]:
    """BitwiseAnd, BitwiseOr, BitwiseXor; BitwiseNot is xor with -1."""

    def handler(call: Call) -> str:
        (a, *others), dtype = _operands(call)
        if dtype == "f32":
            call.malformed("its operands are not integers")
        return as_dtype(call, combine(call, function, a, others[0] if others else number(call, -1, "i32")), dtype)

    return handler


def where(call: Call) -> str:
    cond, a, b = (call.value(i) for i in range(3))
    if cond.dtype != "u8" or a.dtype != b.dtype:
        call.malformed(f"a condition of {cond.dtype} for {a.dtype} and {b.dtype}")
    shape = _joint(call, cond.shape, a.shape, b.shape)
    return call.emit(Select(), (cond.name, a.name, b.name), shape, dtype=a.dtype)
