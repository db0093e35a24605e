"""What a handler prints while its component is built: nothing may be lost later, and nothing may break the build."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

__all__ = ["Valve", "shut_while"]

KEPT = 2000


class Valve(io.RawIOBase):
    """A file descriptor that can be shut: then it keeps the last bytes written to it instead of passing them on.

    componentize-py takes 10,000 bytes from a guest and breaks the pipe afterwards. What a module keeps of sys.stdout (a
    logging handler does) has to work at run time all the same, so a valve opens rather than goes away.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.shut = True
        self.kept = b""

    def writable(self) -> bool:
        return True

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]  # any buffer
        """Take all of `data`."""
        view = memoryview(data).cast("B")
        if self.shut:
            self.kept = (self.kept + view[-KEPT:].tobytes())[-KEPT:]
            return view.nbytes
        written = 0
        while written < view.nbytes:
            written += os.write(self._descriptor, view[written:])
        return written

    def stream(self) -> TextIO:
        """Text on this valve, unbuffered, as CPython's own standard streams are in a component."""
        return io.TextIOWrapper(self, encoding="utf-8", errors="backslashreplace", write_through=True)  # type: ignore[type-var]


@contextmanager
def shut_while() -> "Iterator[tuple[Valve, Valve]]":
    """Valves in place of stdout and stderr; they open, and the real streams come back, at the end."""
    valves = (Valve(1), Valve(2))
    real = (sys.stdout, sys.stderr)
    sys.stdout, sys.stderr = (valve.stream() for valve in valves)
    try:
        yield valves
    finally:
        sys.stdout, sys.stderr = real
        for valve in valves:
            valve.shut = False
            valve.kept = b""
