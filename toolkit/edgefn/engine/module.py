"""A model as one core Wasm module: engine.wasm with the plan as a data segment.

A host instantiates it (no imports), calls `efn_start()` once (0 is success), writes inputs at `efn_arena()` plus the
offsets of the plan's records and calls `efn_run_at(efn_arena(), 0, ops, 0)`: docs/reference/standalone.md.
"""

from collections.abc import Buffer, Iterator

from edgefn.engine.library import module_path
from edgefn.engine.standalone import Runner

__all__ = ["embed"]

PREAMBLE = 8
PAGE = 65536
MEMORY, DATA, DATA_COUNT = 5, 11, 12  # section ids
ACTIVE = b"\x00\x41"  # an active segment of memory 0, at i32.const ...
END = b"\x0b"


def embed(plan: Buffer, flavour: str = "simd128") -> bytes:
    """Put `plan` into the engine's module, at `efn_heap()`. Raises ModelError when the engine refuses the plan."""
    data = memoryview(plan).tobytes()
    with Runner(data, flavour) as runner:
        start, pages = runner.heap, runner.memory_bytes // PAGE
    segment = ACTIVE + _signed(start) + END + _unsigned(len(data)) + data
    module = module_path(flavour).read_bytes()
    out = bytearray(module[:PREAMBLE])
    for section, body in _sections(module):
        if section == MEMORY:
            body = _with_minimum(body, pages)  # noqa: PLW2901 -- the section as it will be
        elif section == DATA_COUNT:
            body = _counted(body)[0]  # noqa: PLW2901
        elif section == DATA:
            count, rest = _counted(body)
            body = count + rest + segment  # noqa: PLW2901
        out += bytes([section]) + _unsigned(len(body)) + body
    return bytes(out)


def _sections(module: bytes) -> Iterator[tuple[int, bytes]]:
    at = PREAMBLE
    while at < len(module):
        size, begin = _read_unsigned(module, at + 1)
        yield module[at], module[begin : begin + size]
        at = begin + size


def _counted(body: bytes) -> tuple[bytes, bytes]:
    """Split a section into its leading count, made one higher, and the rest."""
    count, rest = _read_unsigned(body, 0)
    return _unsigned(count + 1), body[rest:]


def _with_minimum(body: bytes, pages: int) -> bytes:
    """Raise the minimum of a memory section with one memory to `pages`."""
    minimum, rest = _read_unsigned(body, 2)  # after the count and the flags
    return body[:2] + _unsigned(max(minimum, pages)) + body[rest:]


def _read_unsigned(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _unsigned(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def _signed(value: int) -> bytes:
    """Encode a number that is not negative as signed LEB128: as unsigned, with bit 6 of the last byte clear."""
    coded = _unsigned(value)
    return coded if coded[-1] < 0x40 else bytes((*coded[:-1], coded[-1] | 0x80, 0))
