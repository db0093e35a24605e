"""Core Wasm modules as bytes: their sections, and the numbers in them (LEB128)."""

from collections.abc import Iterable, Iterator

__all__ = [
    "CODE",
    "DATA",
    "DATA_COUNT",
    "ELEMENT",
    "EXPORT",
    "MEMORY",
    "PAGE",
    "assemble",
    "read_unsigned",
    "sections",
    "signed",
    "skip_number",
    "unsigned",
]

MEMORY, EXPORT, ELEMENT, CODE, DATA, DATA_COUNT = 5, 7, 9, 10, 11, 12  # ids of sections
PAGE = 65536  # of a linear memory, in bytes
PREAMBLE = b"\0asm\x01\0\0\0"


def sections(module: bytes) -> Iterator[tuple[int, bytes]]:
    """Each section's id and body, in order."""
    at = len(PREAMBLE)
    while at < len(module):
        size, begin = read_unsigned(module, at + 1)
        yield module[at], module[begin : begin + size]
        at = begin + size


def assemble(parts: Iterable[tuple[int, bytes]]) -> bytes:
    """A module of these sections."""
    return PREAMBLE + b"".join(bytes([section]) + unsigned(len(body)) + body for section, body in parts)


def read_unsigned(data: bytes, at: int) -> tuple[int, int]:
    """The number at `at`, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def skip_number(data: bytes, at: int) -> int:
    """Where the number at `at` ends, whatever its sign."""
    while data[at] >= 0x80:
        at += 1
    return at + 1


def unsigned(value: int) -> bytes:
    """Encode a number that is not negative."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def signed(value: int) -> bytes:
    """Encode a number that is not negative as a signed one: as unsigned, with bit 6 of the last byte clear."""
    coded = unsigned(value)
    return coded if coded[-1] < 0x40 else bytes((*coded[:-1], coded[-1] | 0x80, 0))
