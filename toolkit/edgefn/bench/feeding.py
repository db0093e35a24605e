"""The inputs and outputs of two models that belong together, and the same values for both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgefn.bench.cases import Archive
from edgefn.bench.subject import Subject
from edgefn.errors import UsageError
from edgefn.graph.records import NUMPY_DTYPES, PlanTensor

__all__ = ["Pair", "feed", "pair_ports", "real", "turned"]

type Array = NDArray[Any]
type Inputs = tuple[Array, ...]
type Side = Literal["inputs", "outputs"]

_TURNS = {("NCHW", "NHWC"): (0, 2, 3, 1), ("NHWC", "NCHW"): (0, 3, 1, 2)}


@dataclass(frozen=True, slots=True)
class Pair:
    """Port number `a` of one model and `b` of the other; `perm` turns the axes of the other's into this one's."""

    name: str
    a: int
    b: int
    perm: tuple[int, ...]


def pair_ports(a: Subject, b: Subject, side: Side) -> tuple[Pair, ...]:
    """Inputs or outputs by their names, or in their order where the names differ.

    Raises UsageError EFN-U045 when there are more of one model's, or two of one pair differ in shape.
    """
    ports, others = a.plan.meta[side], b.plan.meta[side]
    if len(ports) != len(others):
        raise _apart(a, b, f"{len(ports)} and {len(others)} {side}")
    places = {port["name"]: k for k, port in enumerate(others)}
    named = len(places) == len(others) and all(port["name"] in places for port in ports)
    return tuple(_pair(a, b, side, k, places[port["name"]] if named else k) for k, port in enumerate(ports))


def feed(archive: Archive, a: Subject, b: Subject) -> list[tuple[Inputs, Inputs]]:
    """Every case of the archive as inputs of both models.

    Those of the model that the archive is not of are made of the other's, quantized or dequantized as its records say.
    Raises UsageError as `Archive.cases` does, and EFN-U045.
    """
    try:
        cases, back = archive.cases(a.plan), False
    except UsageError as error:
        try:
            cases, back = archive.cases(b.plan), True
        except UsageError:
            raise error from None
    fed = []
    for case in cases:
        own, other = (b, a) if back else (a, b)
        made = _converted(case.inputs, own, other)
        fed.append((made, case.inputs) if back else (case.inputs, made))
    return fed


def real(t: PlanTensor, value: bytes) -> NDArray[np.float64]:
    """What the bytes of a tensor mean."""
    return _real(t, np.frombuffer(value, NUMPY_DTYPES[t.dtype]).reshape(t.dims))


def turned(value: Array, pair: Pair) -> Array:
    """A value of the other model's port in the axes of this one's."""
    return value.transpose(pair.perm)


def _pair(a: Subject, b: Subject, side: Side, i: int, j: int) -> Pair:
    one, other = _tensor(a, side, i), _tensor(b, side, j)
    layouts = b.plan.meta[side][j].get("layout"), a.plan.meta[side][i].get("layout")
    straight = tuple(range(len(other.dims)))
    for perm in (straight, _TURNS.get(layouts, straight)):
        if len(perm) == len(other.dims) and tuple(other.dims[p] for p in perm) == one.dims:
            return Pair(a.plan.meta[side][i]["name"], i, j, perm)
    raise _apart(a, b, f"{side[:-1]} {i} of shape {one.dims}, and {j} of shape {other.dims}")


def _tensor(s: Subject, side: Side, number: int) -> PlanTensor:
    return s.plan.tensors[(s.plan.inputs if side == "inputs" else s.plan.outputs)[number]]


def _apart(a: Subject, b: Subject, what: str) -> UsageError:
    message = f"{a.name} and {b.name} cannot be compared: they have {what}"
    return UsageError("EFN-U045", message, hint="compare exports of one model, or one model in two flavours")


def _converted(values: Sequence[Array], own: Subject, other: Subject) -> Inputs:
    made: dict[int, Array] = {}
    for pair in pair_ports(other, own, "inputs"):
        source, target = _tensor(own, "inputs", pair.b), _tensor(other, "inputs", pair.a)
        value = _in_type(turned(values[pair.b], pair), source, target)
        if value is None:
            raise _apart(own, other, f"an input of {source.dtype} and of {target.dtype}, without scales to convert by")
        made[pair.a] = np.ascontiguousarray(value)
    return tuple(made[k] for k in range(len(made)))


def _in_type(value: Array, source: PlanTensor, target: PlanTensor) -> Array | None:
    """A value of `source` as one of `target`; None when nothing says how."""
    dtype = NUMPY_DTYPES[target.dtype]
    alike = (source.scale, source.zero_point) == (target.scale, target.zero_point)
    if source.dtype == target.dtype and (alike or not source.scale or not target.scale):
        return value
    if target.dtype == "f32":
        return _real(source, value).astype(dtype)
    if not target.scale:
        return None
    steps = np.rint(_real(source, value) / target.scale) + target.zero_point
    clipped: Array = np.clip(steps, np.iinfo(dtype).min, np.iinfo(dtype).max).astype(dtype)
    return clipped


def _real(t: PlanTensor, value: Array) -> NDArray[np.float64]:
    integers = value.astype(np.float64)
    return (integers - t.zero_point) * t.scale if t.scale else integers
