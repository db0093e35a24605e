"""The op codes of a plan and their parameters, as docs/spec/plan.md lists them."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["BY_CODE", "BY_NAME", "DTYPES", "OpCode", "Parameter"]

type Kind = Literal["tensor", "int", "f32", "scratch"]

DTYPES: dict[str, int] = {"f32": 1, "i8": 2, "u8": 3, "i32": 4}

_WINDOW = "kh kw stride_h stride_w"
_CONV = f"{_WINDOW} dilation_h dilation_w pad_top pad_left"
_POOL = f"*x *y {_WINDOW} pad_top pad_left"
_TABLE = (
    (1, "conv2d_f32", f"*x *w *bias *y {_CONV} .low .high @scratch"),
    (2, "conv2d_i8", f"*x *w *bias *mult *y {_CONV} x_zero y_zero low high @scratch"),
    (3, "depthwise_f32", f"*x *w *bias *y {_CONV} .low .high @scratch"),
    (4, "depthwise_i8", f"*x *w *bias *mult *y {_CONV} x_zero y_zero low high @scratch"),
    (5, "dense_f32", "*x *w *bias *y .low .high @scratch"),
    (6, "dense_i8", "*x *w *bias *mult *y x_zero y_zero low high @scratch"),
    (7, "add_f32", "*a *b *y .low .high"),
    (8, "add_i8", "*a *b *y .a_mult .b_mult a_zero b_zero y_zero low high"),
    (9, "average_pool_f32", f"{_POOL} count_padding"),
    (10, "average_pool_i8", f"{_POOL} count_padding x_zero .mult y_zero low high"),
    (11, "max_pool_f32", _POOL),
    (12, "max_pool_i8", _POOL),
    (13, "clamp_f32", "*x *y .low .high"),
    (14, "clamp_i8", "*x *y low high"),
    (15, "softmax_f32", "*x *y"),
    (16, "quantize_f32_i8", "*x *y .inverse_scale y_zero"),
    (17, "dequantize_i8_f32", "*x *y .scale x_zero"),
    (18, "requantize_i8", "*x *y .mult x_zero y_zero"),
    (19, "flip_sign", "*x *y"),
    (20, "transpose", "*x *y p0 p1 p2 p3 p4 p5"),
    (21, "concat", "*y axis n"),
    (22, "copy", "*x *y"),
)
_KINDS: dict[str, Kind] = {"*": "tensor", ".": "f32", "@": "scratch"}


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class OpCode:
    """`parameters` in the order of the stream; concat has `n` further tensors."""

    code: int
    name: str
    parameters: tuple[Parameter, ...]


def _parameter(word: str) -> Parameter:
    kind = _KINDS.get(word[0], "int")
    return Parameter(word.lstrip("*.@"), kind)


BY_CODE = {code: OpCode(code, name, tuple(map(_parameter, words.split()))) for code, name, words in _TABLE}
BY_NAME = {op.name: op for op in BY_CODE.values()}
