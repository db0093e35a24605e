"""Mutations of ONNX files: of the fields of their protobuf messages, and of their bytes."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import onnx
from google.protobuf.descriptor import FieldDescriptor

from .raw import battered

__all__ = ["mutated"]

MOST_COPIES = 5_000
INTEGERS = (-(2**63), -(2**31), -2, -1, 0, 1, 2, 3, 7, 64, 255, 4097, 2**24, 2**27 + 1, 2**31 - 1, 2**40, 2**63 - 1)
FLOATS = (0.0, -1.0, 1e-40, 3e38, float("inf"), float("-inf"), float("nan"))
TEXTS = ("", "x", "Relu", "Conv", "ai.onnx.ml", "\0", "n" * 1_000)
WHOLE = {FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64}
NATURAL = {FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64}
REAL = {FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE}

type Place = tuple[Any, FieldDescriptor]


def mutated(rng: Random, seeds: Sequence[bytes]) -> bytes:
    """Another file for one of the seeds."""
    seed = rng.choice(seeds)
    if rng.random() < 0.25:
        return battered(rng, seed, seeds)
    model = onnx.ModelProto.FromString(seed)
    for _ in range(rng.choice((1, 1, 2, 3, 5))):
        places = list(_places(model))
        if places:
            message, field = rng.choice(places)
            _change(rng, message, field, places)
    data: bytes = model.SerializeToString()
    return battered(rng, data, seeds) if rng.random() < 0.1 else data


def _places(message: Any) -> "list[Place]":
    """Every field that is set, of a message and all in it."""
    found: list[Place] = []
    for field, value in message.ListFields():
        found.append((message, field))
        if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
            for inner in value if field.is_repeated else (value,):
                found += _places(inner)
    return found


def _change(rng: Random, message: Any, field: FieldDescriptor, places: "list[Place]") -> None:
    if rng.random() < 0.1:
        message.ClearField(field.name)
    elif rng.random() < 0.1:
        absent = rng.choice(message.DESCRIPTOR.fields)
        if not absent.is_repeated and absent.cpp_type != FieldDescriptor.CPPTYPE_MESSAGE:
            setattr(message, absent.name, _value(rng, absent, 0, places))
    elif field.is_repeated:
        _change_list(rng, getattr(message, field.name), field, places)
    elif field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        getattr(message, field.name).CopyFrom(_like(rng, field, places) or getattr(message, field.name))
    else:
        setattr(message, field.name, _value(rng, field, getattr(message, field.name), places))


def _change_list(rng: Random, items: Any, field: FieldDescriptor, places: "list[Place]") -> None:
    at = rng.randrange(len(items))
    is_message = field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE
    match rng.randrange(5):
        case 0:
            del items[at]
        case 1:
            items.extend([items[at]] * rng.choice((1, 1, 2, 7, MOST_COPIES)))
        case 2:
            order = list(items)
            rng.shuffle(order)
            del items[:]
            items.extend(order)
        case _ if is_message:
            items[at].CopyFrom(_like(rng, field, places) or items[at])
        case _:
            items[at] = _value(rng, field, items[at], places)


def _like(rng: Random, field: FieldDescriptor, places: "list[Place]") -> Any:
    """A message of the same type from elsewhere in the model."""
    others = [
        inner
        for message, other in places
        if other.message_type is field.message_type
        for inner in (getattr(message, other.name) if other.is_repeated else [getattr(message, other.name)])
    ]
    if not others:
        return None
    copy = type(rng.choice(others))()
    copy.CopyFrom(rng.choice(others))
    return copy


def _value(rng: Random, field: FieldDescriptor, old: Any, places: "list[Place]") -> Any:
    kind = field.cpp_type
    if kind in WHOLE:
        bits = 31 if kind == FieldDescriptor.CPPTYPE_INT32 else 63
        value = rng.choice((*INTEGERS, old - 1, old + 1, old * 2, -old))
        return max(-(2**bits), min(value, 2**bits - 1))
    if kind in NATURAL:
        return rng.choice((0, 1, 2**31, 2**32 - 1))
    if kind in REAL:
        return rng.choice((*FLOATS, old * -1))
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return rng.choice(field.enum_type.values).number
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _bytes(rng, old or b"")
    return rng.choice((*TEXTS, *_texts(places)))


def _bytes(rng: Random, old: bytes) -> bytes:
    """Raw data of another length or with other values."""
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: old[: rng.randrange(len(old) + 1)],
        lambda: old + bytes(rng.choice((1, 4, 64))),
        lambda: rng.randbytes(len(old)),
        lambda: b"\xff" * len(old),
        lambda: b"",
    )
    return rng.choice(ways)()


def _texts(places: "list[Place]") -> list[str]:
    """What the model says elsewhere: names of tensors, ops and attributes."""
    texts = []
    for message, field in places:
        if field.type == FieldDescriptor.TYPE_STRING:
            value = getattr(message, field.name)
            texts += list(value) if field.is_repeated else [value]
    return texts
