"""Mutations of TFLite files: of what the reader reads in them, of the flatbuffer around that, and of their bytes."""

import contextlib
import struct
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from random import Random
from unittest.mock import patch

from edgefn.errors import EdgefnError
from edgefn.graph.importers.tflite.file import read_file
from edgefn.graph.importers.tflite.flatbuffer import Flatbuffer, Table

from .raw import battered, near_or_borderline

__all__ = ["mutated"]

FORMS = {1: "<B", 2: "<H", 4: "<I", 8: "<Q"}
MOST_ITEMS = 64

type Place = tuple[int, int]


def mutated(rng: Random, seeds: Sequence[bytes]) -> bytes:
    """Another file for one of the seeds; mostly it still says that it is one."""
    seed = rng.choice(seeds)
    way = rng.random()
    if way < 0.15:
        data = bytearray(battered(rng, seed, seeds))
    else:
        data = bytearray(seed)
        for _ in range(rng.choice((1, 1, 2, 3, 6))):
            if way < 0.75:
                _value(rng, data, _places(seed))
            else:
                rng.choice(_WAYS)(rng, data, len(data) // 4, _offsets(seed))
    if rng.random() < 0.95:
        data[4:8] = b"TFL3"
    return bytes(data)


@lru_cache(maxsize=4096)
def _places(seed: bytes) -> tuple[Place, ...]:
    """Where the numbers and the items of vectors lie that the reader reads, and how wide they are."""
    found: set[Place] = set()
    field, number, view = Table._field, Flatbuffer.number, Flatbuffer.view
    fields: set[int] = set()

    def seen_field(table, slot):
        at = field(table, slot)
        fields.add(-1 if at is None else at)
        return at

    def seen_number(file, form, at):
        if at in fields and form.format not in {"<I", "<H"}:  # offsets and vtables
            found.add((at, form.size))
        return number(file, form, at)

    def seen_view(file, at, count, dtype):
        found.update((at + i * dtype.itemsize, dtype.itemsize) for i in range(min(count, MOST_ITEMS)))
        return view(file, at, count, dtype)

    with (
        patch.object(Table, "_field", seen_field),
        patch.object(Flatbuffer, "number", seen_number),
        patch.object(Flatbuffer, "view", seen_view),
        contextlib.suppress(EdgefnError),
    ):
        read_file(seed, Path("seed"))
    return tuple(sorted((at, width) for at, width in found if width in FORMS and at + width <= len(seed)))


def _value(rng: Random, data: bytearray, places: Sequence[Place]) -> None:
    if not places:
        return
    at, width = rng.choice(places)
    (old,) = struct.unpack_from(FORMS[width], data, at)
    small = rng.choice((0, 1, 2, 3, 4, 5, 9, 16, old + 1, old - 1, old * 2, -1, -2, 127, 128))
    new = small if width == 1 or rng.random() < 0.7 else near_or_borderline(rng, old % 2**32)
    struct.pack_into(FORMS[width], data, at, new % 2 ** (8 * width))


@lru_cache(maxsize=4096)
def _offsets(data: bytes) -> dict[int, int]:
    """The places of words that lead to another place in the file, as offsets do, and where they lead."""
    found = {}
    for at in range(0, len(data) - 3, 4):
        (value,) = struct.unpack_from("<I", data, at)
        if 4 <= value < len(data) - at - 3:
            found[at] = at + value
    return found


def _word(rng: Random, data: bytearray, words: int, _leads: dict[int, int]) -> None:
    at = 4 * rng.randrange(words)
    struct.pack_into("<I", data, at, near_or_borderline(rng, struct.unpack_from("<I", data, at)[0]))


def _length(rng: Random, data: bytearray, words: int, leads: dict[int, int]) -> None:
    """Of what an offset leads to: a vector's length, or a table's way to its vtable."""
    at = rng.choice(list(leads.values())) if leads else 4 * rng.randrange(words)
    struct.pack_into("<I", data, at, near_or_borderline(rng, struct.unpack_from("<I", data, at)[0]))


def _retarget(rng: Random, data: bytearray, _words: int, leads: dict[int, int]) -> None:
    """To where another offset leads: tables that are vectors, parts that are shared, circles."""
    if leads:
        at, target = rng.choice(list(leads)), rng.choice(list(leads.values()))
        struct.pack_into("<I", data, at, (target - at) % 2**32)


def _slot(rng: Random, data: bytearray, words: int, _leads: dict[int, int]) -> None:
    """Half a word, as vtables consist of."""
    at = 2 * rng.randrange(2 * words)
    (old,) = struct.unpack_from("<H", data, at)
    struct.pack_into("<H", data, at, rng.choice((0, 2, 4, 6, 8, old + 2, old - 2, old + 1, 0x7FFF, 0xFFFF)) % 2**16)


_WAYS = (_word, _length, _retarget, _retarget, _slot)
