"""Functions of a core Wasm module, read as far as it takes to tell which others they call."""

from edgefn.engine.binary import read_unsigned, skip_number, unsigned

__all__ = ["callees", "function_bodies", "write_bodies"]

CALL, BR_TABLE, F32_CONST, F64_CONST, MORE, VECTOR = 0x10, 0x0E, 0x43, 0x44, 0xFC, 0xFD

# How many numbers follow an instruction.
NUMBERS = {
    # unreachable to return, drop, select; arithmetic
    **dict.fromkeys((0x00, 0x01, 0x05, 0x0B, 0x0F, 0x1A, 0x1B, *range(0x45, 0xC5)), 0),
    # blocks and branches; locals and globals; the size of memory; constants
    **dict.fromkeys((0x02, 0x03, 0x04, 0x0C, 0x0D, *range(0x20, 0x25), 0x3F, 0x40, 0x41, 0x42), 1),
    # call_indirect; loads and stores
    **dict.fromkeys((0x11, *range(0x28, 0x3F)), 2),
}
NUMBERS_OF_MORE = {**dict.fromkeys(range(8), 0), 8: 2, 9: 1, 10: 2, 11: 1}  # conversions, memory.copy and the like

# Of vector instructions, how many numbers follow, then how many bytes.
WITH_ADDRESS, WITH_16_BYTES = (*range(12), 92, 93), (12, 13)
WITH_LANE, WITH_ADDRESS_AND_LANE = range(21, 35), range(84, 92)


def function_bodies(section: bytes) -> list[bytes]:
    """The bodies in a code section."""
    count, at = read_unsigned(section, 0)
    bodies = []
    for _ in range(count):
        size, at = read_unsigned(section, at)
        bodies.append(section[at : at + size])
        at += size
    return bodies


def write_bodies(bodies: list[bytes]) -> bytes:
    """The code section of these bodies."""
    return unsigned(len(bodies)) + b"".join(unsigned(len(body)) + body for body in bodies)


def callees(body: bytes) -> set[int]:
    """The functions that a body calls directly. Raises ValueError at an instruction that the engine does not use."""
    found, at = set(), _after_locals(body)
    while at < len(body):
        instruction, at = body[at], at + 1
        if instruction == CALL:
            function, at = read_unsigned(body, at)
            found.add(function)
        else:
            at = _after(instruction, body, at)
    if at != len(body):
        raise ValueError(f"the last instruction of a function ends {at - len(body)} bytes behind it")
    return found


def _after_locals(body: bytes) -> int:
    count, at = read_unsigned(body, 0)
    for _ in range(count):
        at = skip_number(body, at) + 1
    return at


def _after(instruction: int, body: bytes, at: int) -> int:
    """Where the instruction ends whose operands begin at `at`."""
    if instruction == VECTOR:
        return _after_vector(body, at)
    if instruction in (F32_CONST, F64_CONST):
        return at + (4 if instruction == F32_CONST else 8)
    numbers = NUMBERS.get(instruction)
    if instruction == BR_TABLE:
        count, at = read_unsigned(body, at)
        numbers = count + 1
    elif instruction == MORE:
        which, at = read_unsigned(body, at)
        numbers = NUMBERS_OF_MORE.get(which)
    if numbers is None:
        raise ValueError(f"instruction 0x{instruction:02x} is not known")
    for _ in range(numbers):
        at = skip_number(body, at)
    return at


def _after_vector(body: bytes, at: int) -> int:
    which, at = read_unsigned(body, at)
    if which in WITH_ADDRESS or which in WITH_ADDRESS_AND_LANE:
        at = skip_number(body, skip_number(body, at))
    if which in WITH_16_BYTES:
        return at + 16
    return at + (which in WITH_LANE or which in WITH_ADDRESS_AND_LANE)
