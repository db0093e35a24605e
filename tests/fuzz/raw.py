"""Mutations of bytes that know nothing of what the bytes mean."""

import struct
from collections.abc import Sequence
from random import Random

__all__ = ["BORDERLINE", "battered", "near_or_borderline"]

BORDERLINE = (
    *(0, 1, 2, 3, 4, 7, 8, 16, 63, 64, 96, 127, 128, 255, 256, 1024, 4096, 4097, 32767, 32768, 65535, 65536),
    *(2**24, 2**24 + 1, 2**27, 2**28, 2**30, 2**30 + 1, 2**31 - 1, 2**31, 2**32 - 16, 2**32 - 1),
)
STEPS = (-64, -16, -8, -4, -2, -1, 1, 2, 4, 8, 16, 64)


def near_or_borderline(rng: Random, old: int) -> int:
    """Another value for a u32: beside the old one, at the end of some range, or any."""
    match rng.randrange(4):
        case 0 | 1:
            return (old + rng.choice(STEPS)) % 2**32
        case 2:
            return rng.choice(BORDERLINE)
    return rng.getrandbits(rng.randrange(1, 33))


def battered(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """One to four times: bits flipped, bytes set, words set, a piece cut out, doubled, or taken from another file."""
    mutated = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        if mutated:
            rng.choice(_WAYS)(rng, mutated, others)
    return bytes(mutated)


def _flip(rng: Random, data: bytearray, _others: Sequence[bytes]) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _byte(rng: Random, data: bytearray, _others: Sequence[bytes]) -> None:
    data[rng.randrange(len(data))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))


def _word(rng: Random, data: bytearray, _others: Sequence[bytes]) -> None:
    if len(data) >= 4:
        at = rng.randrange(len(data) // 4) * 4
        struct.pack_into("<I", data, at, near_or_borderline(rng, struct.unpack_from("<I", data, at)[0]))


def _cut(rng: Random, data: bytearray, _others: Sequence[bytes]) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.choice((1, 4, 16, len(data)))]


def _double(rng: Random, data: bytearray, _others: Sequence[bytes]) -> None:
    at, size = rng.randrange(len(data)), rng.choice((1, 4, 16, 64))
    data[at:at] = data[at : at + size]


def _splice(rng: Random, data: bytearray, others: Sequence[bytes]) -> None:
    other = rng.choice(others)
    at, size = rng.randrange(max(min(len(data), len(other)), 1)), rng.choice((4, 16, 48, 256))
    data[at : at + size] = other[at : at + size]


_WAYS = (_flip, _byte, _word, _word, _cut, _double, _splice)
