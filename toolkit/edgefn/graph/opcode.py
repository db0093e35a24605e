"""An op code of a plan: what the op stream holds of it, how it is checked, and what it computes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgefn.graph.records import PlanOp
    from edgefn.graph.reference import Machine
    from edgefn.graph.view import View

__all__ = ["OpCode", "Parameter", "opcode"]

type Kind = Literal["tensor", "int", "signed", "f32", "scratch"]

_KINDS: dict[str, Kind] = {"*": "tensor", "-": "signed", ".": "f32", "@": "scratch"}


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    kind: Kind


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
    """An op code; its parameters are words: `*x` a tensor, `.low` an f32, `axis` an int, `-s0` signed, `@scratch`."""
    parameters = tuple(Parameter(word.lstrip("*-.@"), _KINDS.get(word[0], "int")) for word in words.split())
    return OpCode(code, name, parameters, check, evaluate, scratch, variadic, tuple(in_place.split()), skips)
