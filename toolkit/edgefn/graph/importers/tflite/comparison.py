"""Comparisons, logic, SELECT and CAST."""

from collections.abc import Callable

from edgefn.graph.importers.tflite.arithmetic import as_dtype, combine, joint, number
from edgefn.graph.importers.tflite.fourier import real
from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.importers.tflite.tables import steps
from edgefn.graph.ir import RUNTIME, DType, Tensor
from edgefn.graph.ops import Gather, Select

__all__ = ["cast", "compare", "logic", "logical_not", "select"]


def compare(function: str, *, swapped: bool = False) -> Callable[[Call], str]:
    """A comparison of two operands of one type, perhaps the other way round."""

    def handler(call: Call) -> str:
        a, b = (_comparable(call, i) for i in range(2))
        if call.value(0).dtype != call.value(1).dtype:
            call.malformed(f"operands of {call.value(0).dtype} and {call.value(1).dtype}")
        return combine(call, function, b, a) if swapped else combine(call, function, a, b)

    return handler


def _comparable(call: Call, index: int) -> str:
    """f32 or i32; quantized bytes as TFLite compares them: in steps of 1/256, rounded.

    With a scale of 1 or more TFLite shifts by a negative count, which C does not define: here the reals are compared.
    """
    t = call.value(index)
    whole = as_dtype(call, t.name, "f32" if t.dtype == "f32" else "i32")
    if t.dtype not in {"i8", "u8"} or t.quantization is None:
        return whole
    table = call.scope.constant(f"{call.label}.steps", steps(call, t))
    return call.emit(Gather(0), (table, whole), t.shape, Tensor(call.label, "i32", t.shape))


def _booleans(call: Call) -> list[str]:
    found = [call.value(i) for i in range(len(call.op.inputs))]
    if any(t.dtype != "u8" for t in found):
        call.malformed("its operands are not bool")
    return [t.name for t in found]


def logic(function: str) -> Callable[[Call], str]:
    """LOGICAL_AND and LOGICAL_OR."""

    def handler(call: Call) -> str:
        if len(call.op.inputs) != 2:
            call.malformed(f"it has {len(call.op.inputs)} inputs, not 2")
        return combine(call, function, *_booleans(call))

    return handler


def logical_not(call: Call) -> str:
    if len(call.op.inputs) != 1:
        call.malformed(f"it has {len(call.op.inputs)} inputs, not 1")
    return combine(call, "xor", _booleans(call)[0], number(call, 1, "u8"))


def select(call: Call) -> str:
    """SELECT and SELECT_V2; a condition of one dimension chooses whole rows in the former."""
    condition, a, b = call.value(0), call.movable(1), call.movable(2)
    if condition.dtype != "u8":
        call.malformed(f"a condition of {condition.dtype}")
    name, shape = condition.name, condition.shape
    if call.op.op == "SELECT" and len(shape) == 1 and len(a.shape) > 1:
        shape = (*shape, *[1] * (len(a.shape) - 1))
        name = call.reshape(name, shape)
    return call.emit(Select(), (name, a.name, b.name), joint(call, shape, a.shape, b.shape), a)


def cast(call: Call) -> str:
    """Floats are cut towards 0 and saturate; to bool is whether a number is not 0; of complex numbers the real part."""
    if call.op.inputs[:1] and call.op.inputs[0] in call.scope.complexes and call.output.dtype == "f32":
        return real(call)
    x, said = call.value(0), call.output.dtype
    dtype: DType = RUNTIME[said]
    if said == "bool" and call.input(0).dtype != "bool":
        kept: DType = "f32" if x.dtype == "f32" else "i32"
        return combine(call, "not_equal", as_dtype(call, x.name, kept), number(call, 0, kept))
    return as_dtype(call, x.name, dtype)
