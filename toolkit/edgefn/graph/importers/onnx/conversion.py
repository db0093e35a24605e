"""Cast and CastLike, and questions that an element answers by itself: IsNaN, IsInf."""

from math import inf

from edgefn.graph.importers.onnx.arithmetic import as_dtype, combine, number
from edgefn.graph.importers.onnx.file import DTYPES
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.ir import RUNTIME, DType
from edgefn.graph.ops import Unary

__all__ = ["cast", "cast_like", "is_inf", "is_nan"]


def cast(call: Call) -> str:
    """To what the type is computed in; what is not 0 is true."""
    to = call.attribute("to", 0)
    if to not in DTYPES:
        call.refuse(f"to data type {to}")
    return _as(call, DTYPES[to])


def cast_like(call: Call) -> str:
    """To the type of another tensor, as the model declares it."""
    return _as(call, call.declared(1))


def _as(call: Call, dtype: DType) -> str:
    x = call.value(0)
    if dtype != "bool":
        return as_dtype(call, x.name, RUNTIME[dtype])
    if call.declared(0) == "bool":
        return x.name
    kept: DType = "f32" if x.dtype == "f32" else "i32"
    return combine(call, "not_equal", as_dtype(call, x.name, kept), number(call, 0, kept))


def is_nan(call: Call) -> str:
    x = call.real(0)
    return combine(call, "not_equal", x.name, x.name)


def is_inf(call: Call) -> str:
    """Of both signs, or of one."""
    x = call.real(0)
    above, below = call.attribute("detect_positive", 1), call.attribute("detect_negative", 1)
    if above and below:
        size = call.emit(Unary("abs"), (x.name,), x.shape)
        return combine(call, "equal", size, number(call, inf))
    if not above and not below:
        return combine(call, "less", x.name, number(call, -inf))  # none is
    return combine(call, "equal", x.name, number(call, inf if above else -inf))
