"""ai.onnx.ml: what prepares the features of a model: Scaler, Binarizer, Imputer, OneHotEncoder and the like."""

from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.importers.onnx.arithmetic import as_dtype, combine, number
from edgefn.graph.importers.onnx.movement import joined
from edgefn.graph.importers.onnx.reduction import reduced
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.ir import Tensor
from edgefn.graph.ops import Gather, Select

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

_NORMS = {"MAX": "max", "L1": "l1", "L2": "l2"}


def as_f32(call: Call, index: int = 0) -> Tensor:
    """An input as f32; integers are cast, as all ops of ai.onnx.ml do."""
    x = call.value(index)
    return call.real(index) if x.quantization else call.scope.tensor(as_dtype(call, x.name, "f32"))


def _for_columns(call: Call, name: str, x: Tensor, numbers: Array) -> Array:
    """The numbers of an attribute, if they are one, or one for every place of the last dimension."""
    if not x.shape or len(numbers) not in {1, x.shape[-1]}:
        call.malformed(f"attribute {name} has {len(numbers)} numbers for an input of shape {x.shape}")
    return numbers


def scaler(call: Call) -> str:
    """`(x - offset) * scale`, rounded twice."""
    x = as_f32(call)
    offset, scale = (
        _for_columns(call, name, x, call.numbers(name, np.array([default])))
        for name, default in (("offset", 0.0), ("scale", 1.0))
    )
    y = combine(call, "sub", x.name, call.own("offset", offset)) if offset.any() else x.name
    return combine(call, "mul", y, call.own("scale", scale)) if bool((scale != 1).any()) else y


def binarizer(call: Call) -> str:
    """1 above the threshold, else 0."""
    x, threshold = as_f32(call), call.attribute("threshold", 0.0)
    return as_dtype(call, combine(call, "less", number(call, threshold), x.name), "f32")


def imputer(call: Call) -> str:
    """What equals the replaced value, perhaps NaN, gives way to the imputed one of its column."""
    if "imputed_value_int64s" not in call.node.attributes:
        name, x, replaced = "imputed_value_floats", as_f32(call), call.attribute("replaced_value_float", 0.0)
        imputed, value = call.numbers(name, np.zeros(1)), np.array(replaced)
    else:
        name, x, replaced = "imputed_value_int64s", call.value(0), call.attribute("replaced_value_int64", 0)
        imputed, value = np.array(call.attribute(name, ()), np.int64), np.array(replaced, np.int64)
        if x.dtype != "i32":
            call.malformed(f"integers for an input of {x.dtype}")
    other = call.own("imputed", _for_columns(call, name, x, imputed))
    if isnan(replaced):
        same = combine(call, "not_equal", x.name, x.name)
    else:
        same = combine(call, "equal", x.name, call.own("replaced", value))
    return call.emit(Select(), (same, other, x.name), x.shape, dtype=x.dtype)


def one_hot_encoder(call: Call) -> str:
    """`[...]` to `[..., categories]`: 1 where a number, cut to an integer, is the category; nothing else is refused."""
    if "cats_strings" in call.node.attributes:
        call.refuse("categories that are strings; encode them outside, as numbers")
    x = call.value(0)
    wide = call.reshape(as_dtype(call, x.name, "i32"), (*x.shape, 1))
    categories = call.own("cats", np.array(call.attribute("cats_int64s", ()), np.int64))
    return as_dtype(call, combine(call, "equal", wide, categories), "f32")


def normalizer(call: Call) -> str:
    """Rows by their norm: the sum or the square root of the sum of squares, or, as ONNX has it, the largest number."""
    x, norm = as_f32(call), call.attribute("norm", "MAX")
    if len(x.shape) != 2:
        call.refuse(f"an input of shape {x.shape}; [N, C] is supported")
    if norm not in _NORMS:
        call.malformed(f"attribute norm is {norm!r}")
    by = reduced(call, _NORMS[norm], x.name, (1,))
    none = combine(call, "equal", by, number(call, 0.0))
    by = call.emit(Select(), (none, number(call, 1.0), by), (x.shape[0], 1))
    return combine(call, "div", x.name, by)


def array_feature_extractor(call: Call) -> str:
    """`[..., C]` and k indices to `[..., k]`, a vector to `[1, k]`."""
    x, indices = call.value(0), call.value(1)
    if indices.dtype != "i32" or not x.shape:
        call.malformed(f"{indices.dtype} indices into an input of shape {x.shape}")
    known = indices.constant
    if known is not None and known.size and not 0 <= known.min() <= known.max() < x.shape[-1]:
        call.malformed(f"indices from {known.min()} to {known.max()} of {x.shape[-1]} features")
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
    if not parts:
        call.malformed("it has no inputs")
    if any(len(p.shape) != 2 or p.shape[0] != parts[0].shape[0] for p in parts):
        call.refuse(f"inputs of shapes {[p.shape for p in parts]}; [N, C] is supported")
    widths = tuple(p.shape[1] for p in parts)
    if call.attribute("inputdimensions", widths) != widths:
        call.refuse(f"inputdimensions {call.attribute('inputdimensions', widths)} of inputs with {widths} columns")
    return joined(call, 1, parts)
