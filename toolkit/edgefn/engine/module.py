"""A model as one core Wasm module: engine.wasm with the ops that the plan uses, and the plan as a data segment.

A host instantiates it (no imports), calls `efn_start()` once (0 is success), writes inputs at `efn_arena()` plus the
offsets of the plan's records and calls `efn_run_at(efn_arena(), 0, ops, 0)`: docs/reference/standalone.md.
"""

import struct
from collections.abc import Buffer

from edgefn.engine.binary import DATA, DATA_COUNT, MEMORY, PAGE, assemble, read_unsigned, sections, signed, unsigned
from edgefn.engine.library import module_path
from edgefn.engine.linker import keep_ops
from edgefn.engine.standalone import Runner

__all__ = ["embed"]

ACTIVE = b"\x00\x41"  # an active segment of memory 0, at i32.const ...
END = b"\x0b"


def embed(plan: Buffer, flavour: str = "simd128") -> bytes:
    """Put `plan` into the engine's module, at `efn_heap()`. Raises ModelError when the engine refuses the plan."""
    data = memoryview(plan).tobytes()
    with Runner(data, flavour) as runner:
        start, pages, table = runner.heap, runner.memory_bytes // PAGE, runner.op_table()
    engine = keep_ops(module_path(flavour).read_bytes(), table, _codes(data))
    segment = ACTIVE + signed(start) + END + unsigned(len(data)) + data
    parts = []
    for section, body in sections(engine):
        if section == MEMORY:
            parts.append((section, _with_minimum(body, pages)))
        elif section == DATA_COUNT:
            parts.append((section, _counted(body)[0]))
        elif section == DATA:
            count, rest = _counted(body)
            parts.append((section, count + rest + segment))
        else:
            parts.append((section, body))
    return assemble(parts)


def _codes(plan: bytes) -> set[int]:
    """The opcodes in a plan that the engine has accepted."""
    at, _, count = struct.unpack_from("<3I", plan, 24)
    codes = set()
    for _ in range(count):
        code, parameters = struct.unpack_from("<2H", plan, at)
        codes.add(code)
        at += 4 + 4 * parameters
    return codes


def _counted(body: bytes) -> tuple[bytes, bytes]:
    """Split a section into its leading count, made one higher, and the rest."""
    count, rest = read_unsigned(body, 0)
    return unsigned(count + 1), body[rest:]


def _with_minimum(body: bytes, pages: int) -> bytes:
    """Raise the minimum of a memory section with one memory to `pages`."""
    minimum, rest = read_unsigned(body, 2)  # after the count and the flags
    return body[:2] + unsigned(max(minimum, pages)) + body[rest:]
