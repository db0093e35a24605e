"""The header of a plan file: what can be told about it without reading on (docs/spec/plan.md)."""

import struct
import zlib
from dataclasses import astuple, dataclass

from edgefn.errors import ModelError

__all__ = [
    "HEADER_BYTES",
    "MAGIC",
    "MAX_ARENA_BYTES",
    "TENSOR_BYTES",
    "VERSION",
    "Header",
    "read_header",
    "refused",
    "seal",
]

MAGIC = b"EFNP"
VERSION = (3, 0)
HEADER_BYTES = 96
TENSOR_BYTES = 48
MAX_FILE_BYTES = 256 << 20
MAX_META_BYTES = 1 << 20
MAX_ARENA_BYTES = 1 << 30
MAX_RECORDS = 65_536
MAX_PORTS = 64

_HEADER = struct.Struct("<4sHH17I20s")
_LIMITS = {
    "tensor_count": (1, MAX_RECORDS),
    "op_count": (0, MAX_RECORDS),
    "input_count": (1, MAX_PORTS),
    "output_count": (1, MAX_PORTS),
    "meta_bytes": (2, MAX_META_BYTES),
    "arena_bytes": (0, MAX_ARENA_BYTES),
}


@dataclass(frozen=True, slots=True)
class Header:
    """Where the regions lie and how many records they hold, in the order of the file."""

    tensors: int
    tensor_count: int
    ops: int
    ops_words: int
    op_count: int
    io: int
    input_count: int
    output_count: int
    weights: int
    weights_bytes: int
    meta: int
    meta_bytes: int
    arena_bytes: int
    state_bytes: int
    state_offset: int


def read_header(data: bytes) -> Header:
    """The header of a whole, undamaged plan file.

    Raises ModelError EFN-M020 (not a plan, or another version), EFN-M021 (damaged) or EFN-M022 (a region or a count
    breaks a rule of the format).
    """
    if data[:4] != MAGIC:
        raise refused(f"it starts with {data[:4]!r}, not {MAGIC!r}", "EFN-M020")
    if len(data) < HEADER_BYTES:
        raise refused(f"it has {len(data)} bytes, less than a header", "EFN-M021")
    _, major, minor, size, crc, *fields, reserved = _HEADER.unpack_from(data)
    if (major, minor) != VERSION:
        raise refused(f"version {major}.{minor} is not known, {VERSION[0]}.{VERSION[1]} is", "EFN-M020")
    if size != len(data) or size > MAX_FILE_BYTES:
        raise refused(f"its header says {size:,} bytes, there are {len(data):,}", "EFN-M021")
    if zlib.crc32(data[16:]) != crc:
        raise refused("its checksum does not match: the file is damaged", "EFN-M021")
    if any(reserved):
        raise refused("a reserved field of the header is not zero")
    header = Header(*fields)
    _check_regions(header, data)
    _check_state(header)
    return header


def seal(header: Header, body: bytes) -> bytes:
    """A plan file: the header, with size and checksum, and `body`, which is all that follows it."""
    size = HEADER_BYTES + len(body)
    if size > MAX_FILE_BYTES:
        raise refused(f"the plan would have {size:,} bytes, at most {MAX_FILE_BYTES:,} are allowed")
    head = _HEADER.pack(MAGIC, *VERSION, size, 0, *astuple(header), bytes(20))
    crc = zlib.crc32(head[16:] + body)
    return head[:12] + struct.pack("<I", crc) + head[16:] + body


def refused(message: str, code: str = "EFN-M022") -> ModelError:
    """The error of a file that is not a plan this reader may run."""
    return ModelError(code, f"not a valid plan: {message}", hint="compile the model again: edgefn model compile")


def _check_state(header: Header) -> None:
    size, start = header.state_bytes, header.state_offset
    if size % 16 or start % 16 or size > header.arena_bytes or start + size > header.weights_bytes:
        raise refused(f"the state of {size:,} bytes, first at {start:,} of the weights, is misplaced")


def _check_regions(header: Header, data: bytes) -> None:
    for name, (low, high) in _LIMITS.items():
        value = getattr(header, name)
        if not low <= value <= high:
            raise refused(f"{name} is {value:,}, allowed is {low:,} to {high:,}")
    end = HEADER_BYTES
    for name, start, align, length in (
        ("tensors", header.tensors, 16, header.tensor_count * TENSOR_BYTES),
        ("ops", header.ops, 4, header.ops_words * 4),
        ("io", header.io, 4, (header.input_count + header.output_count) * 4),
        ("meta", header.meta, 1, header.meta_bytes),
        ("weights", header.weights, 64, header.weights_bytes),
    ):
        if start % align or start < end or start + length > len(data):
            raise refused(f"region {name} at {start:,} with {length:,} bytes is misplaced")
        if any(data[end:start]):
            raise refused(f"the gap before region {name} is not zero")
        end = start + length
    if any(data[end:]):
        raise refused("the bytes after the last region are not zero")
