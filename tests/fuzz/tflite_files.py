"""Mutations of TFLite files: of the offsets, vector lengths, vtables and numbers of a flatbuffer, and of its bytes."""

import struct
from collections.abc import Sequence
from random import Random

from .raw import battered, near_or_borderline

__all__ = ["mutated"]


def mutated(rng: Random, seeds: Sequence[bytes]) -> bytes:
    """Another file for one of the seeds; it still says that it is one."""
    seed = rng.choice(seeds)
    if rng.random() < 0.2:
        data = bytearray(battered(rng, seed, seeds))
    else:
        data = bytearray(seed)
        words, leads = len(data) // 4, _offsets(data)
        for _ in range(rng.choice((1, 1, 2, 3, 6))):
            rng.choice(_WAYS)(rng, data, words, leads)
    if rng.random() < 0.95:
        data[4:8] = b"TFL3"
    return bytes(data)


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


def _retarget(rng: Random, data: bytearray, words: int, leads: dict[int, int]) -> None:
    """To where another offset leads: tables that are vectors, parts that are shared, circles."""
    if leads:
        at, target = rng.choice(list(leads)), rng.choice(list(leads.values()))
        struct.pack_into("<I", data, at, (target - at) % 2**32)


def _slot(rng: Random, data: bytearray, words: int, _leads: dict[int, int]) -> None:
    """Half a word, as vtables consist of."""
    at = 2 * rng.randrange(2 * words)
    (old,) = struct.unpack_from("<H", data, at)
    struct.pack_into("<H", data, at, rng.choice((0, 2, 4, 6, 8, old + 2, old - 2, old + 1, 0x7FFF, 0xFFFF)) % 2**16)


def _byte(rng: Random, data: bytearray, words: int, _leads: dict[int, int]) -> None:
    """Enums and booleans are bytes."""
    data[rng.randrange(4 * words)] = rng.choice((0, 1, 2, 3, 5, 9, 127, 128, 255, rng.randrange(256)))


_WAYS = (_word, _word, _length, _retarget, _slot, _byte, _byte)
