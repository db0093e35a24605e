"""ai.onnx.ml: LabelEncoder, a table of values by key."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.graph.importers.onnx.arithmetic import as_dtype, combine, number
from edgefn.graph.importers.onnx.labels import bounded
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.importers.onnx.scores import best_of
from edgefn.graph.ir import Tensor
from edgefn.graph.ops import Concat, Gather

__all__ = ["label_encoder"]

type Array = NDArray[Any]
type Value = str | int | float

MAX_SPAN = 1 << 16  # of integers that are looked up by themselves
_DEFAULTS: dict[str, Value] = {"strings": "_Unused", "int64s": -1, "floats": -0.0}


@dataclass(frozen=True, slots=True)
class _Table:
    values: dict[Value, Value]
    default: Value


def label_encoder(call: Call) -> str:
    """Strings that stand for places, integers or floats to values of any of these; what is no key to the default."""
    table, x = _read_table(call), call.value(0)
    strings = call.scope.labels.get(call.node.inputs[0]) or None
    keys = list(table.values)
    if any(isinstance(key, str) for key in keys) != (strings is not None):
        call.malformed(f"keys such as {keys[0]!r} for an input of {'strings' if strings else x.dtype}")
    if strings is not None:
        return _taken(call, x.name, [table.values.get(label, table.default) for label in strings])
    numbers = [key for key in keys if isinstance(key, int)]
    if x.dtype != ("i32" if numbers else "f32"):
        call.malformed(f"keys such as {keys[0]!r} for an input of {x.dtype}")
    if x.dtype == "i32" and len(numbers) == len(keys) and max(numbers) - min(numbers) < MAX_SPAN:
        return _by_number(call, x, table, range(min(numbers) - 1, max(numbers) + 2))
    return _by_comparison(call, x, table)


def _read_table(call: Call) -> _Table:
    """The attributes keys_... and values_...; in the first version classes_strings, which are numbered from 0."""
    classes = call.strings("classes_strings")
    if classes and call.scope.labels.get(call.node.inputs[0]):
        return _Table({name: i for i, name in enumerate(classes)}, call.attribute("default_int64", -1))
    if classes:
        return _Table(dict(enumerate(classes)), call.attribute("default_string", "_Unused"))
    keys, _ = _read_column(call, "keys")
    values, kind = _read_column(call, "values")
    if not keys or len(keys) != len(values):
        call.malformed(f"{len(keys)} keys for {len(values)} values")
    if any(key != key for key in keys):  # noqa: PLR0124 -- NaN
        call.refuse("NaN as a key")
    return _Table(dict(zip(keys, values, strict=True)), _read_default(call, kind))


def _read_column(call: Call, name: str) -> tuple[list[Value], str]:
    """The values of an attribute, and the end of its name."""
    for kind in (*_DEFAULTS, "tensor"):
        value = call.node.attributes.get(f"{name}_{kind}")
        if isinstance(value, np.ndarray):
            return value.reshape(-1).tolist(), kind
        if isinstance(value, tuple) and value:
            return list(value), kind
    return [], ""


def _read_default(call: Call, kind: str) -> Value:
    if kind == "tensor":
        value = call.node.attributes.get("default_tensor")
        if not isinstance(value, np.ndarray) or value.size != 1:
            call.malformed("default_tensor has no value, or several")
        found: Value = value.reshape(()).item()
        return found
    default: Value = call.attribute(f"default_{kind.removesuffix('s')}", _DEFAULTS[kind])
    return default


def _by_number(call: Call, x: Tensor, table: _Table, span: range) -> str:
    """Integer keys: a table from below the least of them to above the greatest, which gather stays within."""
    call.bounded((len(span),))
    place = combine(call, "sub", x.name, call.own("first", np.array(span.start, np.int64)))
    place = combine(call, "max", place, number(call, 0, "i32"))
    return _taken(call, place, [table.values.get(key, table.default) for key in span])


def _by_comparison(call: Call, x: Tensor, table: _Table) -> str:
    """Any keys: the first that is equal, and behind them the default, which is half as equal."""
    call.bounded((x.size,))
    keys = call.own("keys", np.array(list(table.values)))
    same = as_dtype(call, combine(call, "equal", call.reshape(x.name, (*x.shape, 1)), keys), "f32")
    half = call.own("default", np.full((x.size, 1), 0.5))
    count = len(table.values)
    place = best_of(call, call.emit(Concat(1), (call.reshape(same, (x.size, count)), half), (x.size, count + 1)))
    return _taken(call, call.reshape(place, x.shape), [*table.values.values(), table.default])


def _taken(call: Call, places: str, values: list[Value]) -> str:
    """The values at `places`; strings are places among the different ones."""
    shape = call.scope.tensor(places).shape
    if any(isinstance(value, str) for value in values):
        labels = tuple(dict.fromkeys(map(str, values)))
        call.scope.labels[call.node.outputs[0]] = bounded(call.node.label, labels)
        numbers = {label: i for i, label in enumerate(labels)}
        values = [numbers[str(value)] for value in values]
    whole = all(isinstance(value, int) for value in values)
    column = call.own("values", np.array(values, np.int64 if whole else np.float64))
    return call.emit(Gather(0), (column, places), shape, dtype="i32" if whole else "f32")
