"""Flatbuffers read in place, every offset and length checked before it is used.

The format: https://flatbuffers.dev/internals. A table is found by its position; a signed distance there leads back to
its vtable, which holds, for each slot of the schema, how far into the table the field lies, 0 when it is absent. What
is no number is one unsigned offset further on. All of it may be hostile: offsets may leave the file, and parts may
overlap, so that a small file says much. Reading follows the schema, which is not recursive, hence no cycle can hold it.
"""

from collections import Counter
from pathlib import Path
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.errors import ModelError
from edgefn.graph.importers.bounds import bound

__all__ = ["Flatbuffer", "Table"]

# Writers share equal strings and lists at most; parts that overlap further are an attack on our memory.
MAX_COPIES = 4
TABLE_BYTES = 12  # the smallest table with a field, its vtable being shared, and the offset that leads to it
MAX_TEXT = 1 << 16

_U16, _U32, _I32 = Struct("<H"), Struct("<I"), Struct("<i")
_NUMBERS, _BYTES = np.dtype(np.int32), np.dtype(np.uint8)
_SCALARS = {
    "?": Struct("<?"),
    "b": Struct("<b"),
    "B": Struct("<B"),
    "f": Struct("<f"),
    "i": _I32,
    "I": _U32,
    "Q": Struct("<Q"),
}


class Flatbuffer:
    """The bytes of a file, and an account of what was read: copies up to MAX_COPIES of its size; views cost nothing."""

    __slots__ = ("_left", "_tables", "data", "source")

    def __init__(self, data: bytes, source: Path) -> None:
        self.data = data
        self.source = source
        self._left = MAX_COPIES * len(data)
        self._tables: Counter[str] = Counter()

    def root(self) -> "Table":
        return Table(self, self.target(0))

    def number(self, form: Struct, at: int) -> Any:  # noqa: ANN401 -- as the form says
        self.demand(at, form.size)
        return form.unpack_from(self.data, at)[0]

    def target(self, at: int) -> int:
        """Return where the offset at a position leads; an offset of 0 would lead to itself."""
        offset: int = self.number(_U32, at)
        if offset == 0:
            raise self.damaged(f"the offset at byte {at:,} is 0")
        return at + offset

    def vector(self, at: int, width: int) -> tuple[int, int]:
        """Return where the items of a vector begin and how many there are; all of them lie within the file."""
        count: int = self.number(_U32, at)
        self.demand(at + 4, count * width)
        return at + 4, count

    def demand(self, at: int, size: int) -> None:
        """Raise ModelError EFN-M004 unless `size` bytes at a position lie within the file."""
        if not 0 <= at <= len(self.data) - size:
            raise self.damaged(f"{size:,} bytes at byte {at:,} are outside its {len(self.data):,} bytes")

    def charge(self, size: int) -> None:
        """Account for bytes that are copied or looked at one by one."""
        self._left -= size
        bound(self._left >= 0, f"{self.source} says more than {MAX_COPIES} times its {len(self.data):,} bytes")

    def count(self, what: str, number: int, most: int) -> None:
        """Account for tables of a kind: raise ModelError EFN-M008 when there are more than `most` in the whole file."""
        self._tables[what] += number
        total = self._tables[what]
        bound(total <= most, f"{self.source} has {total:,} {what}, at most {most:,} are read")

    def view(self, at: int, count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return items of the file as a read-only array `[count]` that shares its bytes, aligned or not."""
        self.demand(at, count * dtype.itemsize)
        return np.frombuffer(self.data, dtype.newbyteorder("<"), count, at) if count else np.empty(0, dtype)

    def damaged(self, reason: str) -> ModelError:
        return ModelError("EFN-M004", f"{self.source} is damaged: {reason}", hint="download or export the model again")

    def malformed(self, reason: str) -> ModelError:
        """Return the error for what can be read and makes no sense."""
        return ModelError("EFN-M006", f"{self.source} is malformed: {reason}", hint="convert the model again")


class Table:
    """A table; its fields are read by their slot, the place in the schema's list. Absent fields read as empty."""

    __slots__ = ("_at", "_size", "_vtable", "file")

    def __init__(self, file: Flatbuffer, at: int) -> None:
        self.file = file
        self._at = at
        self._vtable = at - file.number(_I32, at)
        self._size: int = file.number(_U16, self._vtable)
        file.demand(self._vtable, self._size)

    def __contains__(self, slot: int) -> bool:
        return self._field(slot) is not None

    def scalar(self, slot: int, code: str, default: float = 0) -> Any:  # noqa: ANN401 -- as the code says
        """Return a number; `code` is that of the struct module."""
        at = self._field(slot)
        return default if at is None else self.file.number(_SCALARS[code], at)

    def table(self, slot: int) -> "Table | None":
        at = self._target(slot)
        return None if at is None else Table(self.file, at)

    def tables(self, slot: int, what: str, most: int) -> "list[Table]":
        """Return the tables of a vector; more than `most` of `what` in the whole file raise ModelError EFN-M008."""
        start, count = self._vector(slot, 4)
        self.file.count(what, count, most)
        self.file.charge(TABLE_BYTES * count)
        return [Table(self.file, self.file.target(start + 4 * i)) for i in range(count)]

    def numbers(self, slot: int, what: str, most: int) -> tuple[int, ...]:
        """Return a vector of i32; more than `most` raise ModelError EFN-M008, which says whose they are."""
        start, count = self._vector(slot, 4)
        bound(count <= most, f"{what} has {count:,} items, at most {most:,} are read")
        self.file.charge(4 * count)
        return tuple(self.file.view(start, count, _NUMBERS).tolist())

    def text(self, slot: int) -> str:
        """Return a string of UTF-8."""
        start, count = self._vector(slot, 1)
        bound(count <= MAX_TEXT, f"{self.file.source} has a name of {count:,} bytes, at most {MAX_TEXT:,} are read")
        self.file.charge(count)
        try:
            return self.file.data[start : start + count].decode()
        except UnicodeDecodeError:
            raise self.file.damaged(f"the string at byte {start:,} is not UTF-8") from None

    def view(self, slot: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return a vector of numbers as a read-only array `[count]` that shares the file's bytes."""
        start, count = self._vector(slot, dtype.itemsize)
        return self.file.view(start, count, dtype)

    def blob(self, slot: int, offset: int, size: int) -> NDArray[Any]:
        """Return bytes in place: the vector in `slot`, or outside of all tables when the slot `offset` says where.

        Such an offset counts from the start of the file and is valid from 2 on.
        """
        at = self.scalar(offset, "Q")
        return self.file.view(at, self.scalar(size, "Q"), _BYTES) if at > 1 else self.view(slot, _BYTES)

    def _vector(self, slot: int, width: int) -> tuple[int, int]:
        at = self._target(slot)
        return (0, 0) if at is None else self.file.vector(at, width)

    def _field(self, slot: int) -> int | None:
        entry = 4 + 2 * slot
        offset = self.file.number(_U16, self._vtable + entry) if entry + 2 <= self._size else 0
        return self._at + offset if offset else None

    def _target(self, slot: int) -> int | None:
        at = self._field(slot)
        return None if at is None else self.file.target(at)
