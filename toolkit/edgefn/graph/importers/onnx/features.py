"""ai.onnx.ml: what prepares the features of a model: Scaler, Binarizer, Imputer, OneHotEncoder and the like."""

from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.ir import NUMPY, Tensor
from edgefn.graph.ops import Binary, Cast, Concat, Gather, Reduce, Select

_NORMS = {"MAX": "max", "L1": "l1", "L2": "l2"}

__all__ = [
    "array_feature_extractor",
    "as_f32",
    "binarizer",
    "feature_vectorizer",
    "imputer",
    "normalizer",
    "one_hot_encoder",
    "scaler",
]

type Array = NDArray[Any]


def as_f32(call: Call, index: int = 0) -> Tensor:
    """An input as f32; integers are cast, as all ops of ai.onnx.ml do."""
    x = call.value(index)
    if x.dtype in {"i32", "u8"} and x.quantization is None:
        return call.scope.tensor(call.emit(Cast(), (x.name,), x.shape))
    return call.real(index)


def _by(call: Call, function: str, x: str, numbers: Array) -> str:
    """A binary function of `x` and of constants that broadcast to it."""
    t = call.scope.tensor(x)
    constant = call.scope.constant(f"{call.node.label}.{function}", numbers.astype(NUMPY[t.dtype]))
    return call.emit(Binary(function), (x, constant), t.shape, dtype=t.dtype)


def _for_columns(call: Call, name: str, x: Tensor, default: float) -> Array:
    """An attribute of one number, or one for every place of the last dimension."""
    numbers = call.numbers(name, np.array([default]))
    if len(numbers) not in {1, x.shape[-1] if x.shape else 1}:
        call.malformed(f"attribute {name} has {len(numbers)} numbers for an input of shape {x.shape}")
    return numbers


def scaler(call: Call) -> str:
    """`(x - offset) * scale`, rounded twice."""
    x = as_f32(call)
    offset, scale = _for_columns(call, "offset", x, 0), _for_columns(call, "scale", x, 1)
    y = _by(call, "sub", x.name, offset) if offset.any() else x.name
    return _by(call, "mul", y, scale) if bool((scale != 1).any()) else y


def binarizer(call: Call) -> str:
    """1 above the threshold, else 0."""
    x = as_f32(call)
    threshold = call.scope.constant(
        f"{call.node.label}.threshold", np.array([call.attribute("threshold", 0.0)], np.float32)
    )
    above = call.emit(Binary("less"), (threshold, x.name), x.shape, dtype="u8")
    return call.emit(Cast(), (above,), x.shape)


def imputer(call: Call) -> str:
    """What equals the replaced value, perhaps NaN, gives way to the imputed one of its column."""
    whole = "imputed_value_int64s" in call.node.attributes
    x = call.value(0) if whole else as_f32(call)
    if x.dtype != ("i32" if whole else "f32"):
        call.malformed(f"an input of {x.dtype}")
    kind = "int64" if whole else "float"
    imputed = _for_columns(call, f"imputed_value_{kind}s", x, 0).astype(NUMPY[x.dtype])
    replaced = call.attribute(f"replaced_value_{kind}", 0 if whole else 0.0)
    if isnan(replaced):
        same = call.emit(Binary("not_equal"), (x.name, x.name), x.shape, dtype="u8")
    else:
        value = call.scope.constant(f"{call.node.label}.replaced", np.array([replaced], NUMPY[x.dtype]))
        same = call.emit(Binary("equal"), (x.name, value), x.shape, dtype="u8")
    other = call.scope.constant(f"{call.node.label}.imputed", imputed)
    return call.emit(Select(), (same, other, x.name), x.shape, dtype=x.dtype)


def one_hot_encoder(call: Call) -> str:
    """`[...]` to `[..., categories]`: 1 where a number, cut to an integer, is the category; nothing else is refused."""
    if "cats_strings" in call.node.attributes:
        call.refuse("categories that are strings; encode them outside, as numbers")
    x = call.value(0)
    if x.dtype == "f32":
        x = call.scope.tensor(call.emit(Cast(), (x.name,), x.shape, dtype="i32"))
    if x.dtype != "i32":
        call.malformed(f"an input of {x.dtype}")
    categories = np.array(call.attribute("cats_int64s", ()), np.int64)
    shape = (*x.shape, len(categories))
    cats = call.scope.constant(f"{call.node.label}.cats", call.narrowed(categories, "i32"))
    same = call.emit(Binary("equal"), (call.reshape(x.name, (*x.shape, 1)), cats), shape, dtype="u8")
    return call.emit(Cast(), (same,), shape)


def normalizer(call: Call) -> str:
    """Rows by their norm: the sum or the square root of the sum of squares, or, as ONNX has it, the largest number."""
    x, norm = as_f32(call), call.attribute("norm", "MAX")
    if len(x.shape) != 2:
        call.refuse(f"an input of shape {x.shape}; [N, C] is supported")
    if norm not in _NORMS:
        call.malformed(f"attribute norm is {norm!r}")
    column = (x.shape[0], 1)
    by = call.emit(Reduce(_NORMS[norm], (1,)), (x.name,), column)
    none = call.emit(Binary("equal"), (by, call.number(0.0)), column, dtype="u8")
    by = call.emit(Select(), (none, call.number(1.0), by), column)
    return call.emit(Binary("div"), (x.name, by), x.shape)


def array_feature_extractor(call: Call) -> str:
    """`[..., C]` and k indices to `[..., k]`, a vector to `[1, k]`."""
    x, indices = call.value(0), call.value(1)
    if indices.dtype != "i32" or not x.shape:
        call.malformed(f"{indices.dtype} indices into an input of shape {x.shape}")
    shape = (*x.shape[:-1], indices.size) if len(x.shape) > 1 else (1, indices.size)
    rows = call.reshape(indices.name, (indices.size,))
    if _counts_up(x) and indices.constant is None:
        return call.reshape(rows, shape)  # classes that are numbered from 0, as exporters write them
    return call.reshape(call.moved(Gather(len(x.shape) - 1), x, (*x.shape[:-1], indices.size), rows), shape)


def _counts_up(x: Tensor) -> bool:
    """Whether a vector holds the number of each of its places."""
    return x.dtype == "i32" and x.constant is not None and np.array_equal(x.constant, np.arange(x.size))


def feature_vectorizer(call: Call) -> str:
    """Features side by side, as many of each input as it has."""
    parts = [as_f32(call, i) for i in range(len(call.node.inputs))]
    if not parts or any(len(p.shape) != 2 for p in parts):
        call.refuse(f"inputs of shapes {[p.shape for p in parts]}; [N, C] is supported")
    widths = tuple(p.shape[1] for p in parts)
    if call.attribute("inputdimensions", widths) != widths:
        call.refuse(f"inputdimensions {call.attribute('inputdimensions', widths)} of inputs with {widths} columns")
    return call.emit(Concat(1), [p.name for p in parts], (parts[0].shape[0], sum(widths)))
