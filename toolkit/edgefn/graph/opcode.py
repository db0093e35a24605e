"""An op code of a plan: what the op stream holds of it, how it is checked, and what it computes."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isfinite, isnan
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgefn.graph.records import PlanOp
    from edgefn.graph.reference import Machine
    from edgefn.graph.view import View

__all__ = ["OpCode", "Parameter", "opcode"]


@dataclass(frozen=True, slots=True)
class Kind:
    """How a parameter lies in the stream, as `struct` has it, and the values that it may have, whatever the op."""

    name: str
    format: str
    allows: Callable[[float], bool]


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    kind: Kind

    @classmethod
    def of(cls, word: str) -> "Parameter":
        """`*x` a tensor, `axis` an int, `-s0` signed, `.scale` an f32 above 0, `@scratch`; `low:bound` names a kind."""
        name, _, kind = word.lstrip("*-.@").partition(":")
        return cls(name, KINDS[kind or PREFIXES.get(word[0], "int")])


PREFIXES = {"*": "tensor", "-": "signed", ".": "f32", "@": "scratch"}
KINDS = {
    kind.name: kind
    for kind in (
        Kind("tensor", "I", lambda _: True),
        Kind("int", "I", lambda _: True),
        Kind("signed", "i", lambda _: True),
        Kind("scratch", "I", lambda v: v % 16 == 0),
        Kind("flag", "I", lambda v: v in {0, 1}),
        Kind("i8", "i", lambda v: -128 <= v <= 127),
        Kind("multiplier", "I", lambda v: v == 0 or 2**30 <= v < 2**31),
        Kind("f32", "f", lambda v: 0 < v < inf),
        Kind("finite", "f", isfinite),
        Kind("not_negative", "f", lambda v: 0 <= v < inf),
        Kind("bound", "f", lambda v: not isnan(v)),
    )
}


@dataclass(frozen=True, slots=True)
class OpCode:
    """`parameters` in the order of the stream; with `variadic`, further tensors follow them.

    `check` refuses, through the view, what would read, write or compute outside what the format allows. `evaluate` is
    the value of `y`, in numpy: the oracle of the C code. `scratch` is how many bytes of working memory the op takes.
    `in_place` names the operands that `y` may be written onto. With `skips`, `y` is how many of the next ops are left
    out.
    """

    code: int
    name: str
    parameters: tuple[Parameter, ...]
    check: "Callable[[View], None]"
    evaluate: "Callable[[Machine, PlanOp], NDArray[Any]]"
    scratch: "Callable[[Machine, PlanOp], int] | None"
    variadic: bool
    in_place: tuple[str, ...]
    skips: bool


def opcode(
    code: int,
    name: str,
    words: str,
    check: "Callable[[View], None]",
    evaluate: "Callable[[Machine, PlanOp], NDArray[Any]]",
    *,
    scratch: "Callable[[Machine, PlanOp], int] | None" = None,
    variadic: bool = False,
    in_place: str = "",
    skips: bool = False,
) -> OpCode:
    """An op code; `words` are its parameters, as `Parameter.of` reads them."""
    parameters = tuple(Parameter.of(word) for word in words.split())
    return OpCode(code, name, parameters, check, evaluate, scratch, variadic, tuple(in_place.split()), skips)
