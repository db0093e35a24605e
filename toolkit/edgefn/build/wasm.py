"""A reader of Wasm binaries, as far as a size report needs it.

Which core modules a component holds, and how large their sections are.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from edgefn.errors import HostError

__all__ = ["CoreModule", "core_modules", "is_component"]

CORE = b"\0asm\x01\0\0\0"
COMPONENT = b"\0asm\x0d\0\x01\0"
CUSTOM, DATA = 0, 11


@dataclass(frozen=True, slots=True)
class CoreModule:
    """One core module.

    Its name from the name section (empty when it has none), its size and that of its data section, in bytes.
    """

    name: str
    nbytes: int
    data_bytes: int


def is_component(binary: bytes) -> bool:
    """Whether `binary` starts like a component (not like a core module, and not like anything else)."""
    return binary.startswith(COMPONENT)


def core_modules(component: bytes) -> tuple[CoreModule, ...]:
    """The core modules at the top level of a component, in order.

    Raises HostError (EFN-H001) when the binary is no component or is cut off.
    """
    if not is_component(component):
        raise HostError("EFN-H001", "not a WebAssembly component", hint="run: edgefn build")
    return tuple(_module(body) for kind, body in _sections(memoryview(component)[8:]) if kind == 1)


def _module(body: memoryview) -> CoreModule:
    name, data = "", 0
    for kind, section in _sections(body[8:]):
        if kind == DATA:
            data += len(section)
        elif kind == CUSTOM:
            name = _module_name(section) or name
    return CoreModule(name, len(body), data)


def _module_name(section: memoryview) -> str:
    length, at = _leb(section, 0)
    if bytes(section[at : at + length]) != b"name":
        return ""
    for kind, body in _sections(section[at + length :]):
        if kind == 0:
            size, start = _leb(body, 0)
            return bytes(body[start : start + size]).decode(errors="replace")
    return ""


def _sections(binary: memoryview) -> Iterator[tuple[int, memoryview]]:
    at = 0
    while at < len(binary):
        kind = binary[at]
        size, start = _leb(binary, at + 1)
        if start + size > len(binary):
            raise HostError(
                "EFN-H001",
                f"the component is cut off: a section of {size:,} bytes ends beyond its end",
                hint="run: edgefn build",
            )
        yield kind, binary[start : start + size]
        at = start + size


def _leb(binary: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 35, 7):
        if at >= len(binary):
            raise HostError("EFN-H001", "the component is cut off inside a number", hint="run: edgefn build")
        byte = binary[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value, at
    raise HostError("EFN-H001", "the component holds a number of more than 32 bits", hint="run: edgefn build")
