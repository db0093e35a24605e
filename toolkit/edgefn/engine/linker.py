"""The engine with only the ops that a plan uses.

Linking its objects anew would need the C toolchain where models are compiled. So what a linker would leave out is taken
out of the linked module, by the calls in it. A function whose address is taken outside the table of ops always stays.
"""

import struct
from dataclasses import dataclass

from edgefn.engine.binary import CODE, DATA, ELEMENT, EXPORT, assemble, read_unsigned, sections
from edgefn.engine.code import callees, function_bodies, write_bodies

__all__ = ["OpTable", "keep_ops"]

ROW = struct.Struct("<4I")  # efn_op of core/table.h: a count, then three functions, as indices of the table
FUNCTION = 0  # kind of an export
TRAP = bytes((0, 0x00, 0x0B))  # no locals; unreachable; end


@dataclass(frozen=True, slots=True)
class OpTable:
    """Where the engine has its rows of ops, by opcode, and what they hold."""

    address: int
    rows: bytes

    def functions(self, code: int) -> tuple[int, ...]:
        """The functions of an op, as indices of the module's table."""
        return tuple(index for index in ROW.unpack_from(self.rows, code * ROW.size)[1:] if index)

    @property
    def codes(self) -> range:
        return range(len(self.rows) // ROW.size)


def keep_ops(engine: bytes, table: OpTable, codes: set[int]) -> bytes:
    """Take from an engine's module every op but `codes`: they become unknown to it, and what only they call a trap.

    Functions keep their numbers, so that nothing else changes.
    """
    parts = list(sections(engine))
    body = dict(parts)
    entries = _elements(body[ELEMENT])
    functions = function_bodies(body[CODE])
    of_ops = {entries[index] for code in table.codes for index in table.functions(code)}
    wanted = {entries[index] for code in codes for index in table.functions(code)}
    needed = _reached(functions, _exported(body[EXPORT]) | (set(entries.values()) - of_ops) | wanted)
    body[CODE] = write_bodies([code if i in needed else TRAP for i, code in enumerate(functions)])
    body[DATA] = _without_rows(body[DATA], table, [c for c in table.codes if c not in codes and table.functions(c)])
    return assemble((section, body[section]) for section, _ in parts)


def _reached(functions: list[bytes], roots: set[int]) -> set[int]:
    seen, found = set(roots), list(roots)
    while found:
        called = callees(functions[found.pop()]) - seen
        seen |= called
        found += called
    return seen


def _exported(section: bytes) -> set[int]:
    count, at = read_unsigned(section, 0)
    found = set()
    for _ in range(count):
        size, at = read_unsigned(section, at)
        kind = section[at + size]
        index, at = read_unsigned(section, at + size + 1)
        if kind == FUNCTION:
            found.add(index)
    return found


def _elements(section: bytes) -> dict[int, int]:
    """Functions by index of the table, from the one segment that the engine's linker writes."""
    first, at = _offset(section, 1)
    count, at = read_unsigned(section, at)
    entries = {}
    for index in range(first, first + count):
        entries[index], at = read_unsigned(section, at)
    return entries


def _without_rows(section: bytes, table: OpTable, codes: list[int]) -> bytes:
    """A data section with the rows of `codes` zero."""
    out = bytearray(section)
    count, at = read_unsigned(section, 0)
    for _ in range(count):
        address, at = _offset(section, at)
        size, at = read_unsigned(section, at)
        if address <= table.address < address + size:
            rows = at + table.address - address
            for code in codes:
                out[rows + code * ROW.size : rows + (code + 1) * ROW.size] = bytes(ROW.size)
        at += size
    return bytes(out)


def _offset(section: bytes, at: int) -> tuple[int, int]:
    """Where the active segment at `at` puts its contents, and the place behind that: flags, i32.const, number, end."""
    value, at = read_unsigned(section, at + 2)
    return value, at + 1
