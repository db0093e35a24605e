"""What a reader does with a file that may be hostile: it gives a model or a clear error, soon, in little memory."""

import contextlib
import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from edgefn.errors import EdgefnError
from edgefn.graph.allowance import LEAST, TIMES
from edgefn.graph.compiler import ModelFile, compile_model, inspect_model
from edgefn.graph.plan import read_plan

__all__ = ["MOST_SECONDS", "READ", "Reading", "Unclear", "Wasteful", "most_memory", "read"]

MOST_SECONDS = 2.0
LONGEST_MESSAGE = 100_000  # names are shown as they are
READ = "read"


class Unclear(AssertionError):
    """Something else came out than a model or an error of the tree with a hint."""


class Wasteful(AssertionError):
    """The answer took more time or memory than the file is worth."""


def most_memory(size: int) -> int:
    """What reading a file of `size` bytes may take, in bytes: a few times what its constants may have."""
    return 6 * (LEAST + TIMES * size)


@dataclass(frozen=True, slots=True)
class Reading:
    """`outcome` is "read" or the code of the error, `said` its message; `plan` is what a model compiled to.

    `seconds` of this process's time; `memory` in bytes, 0 where it is not known.
    """

    outcome: str
    said: str
    seconds: float
    memory: int
    plan: bytes | None


def read(kind: str, data: bytes) -> Reading:
    """Read `data` as a plan, or compile and inspect it as a model.

    Raises Unclear, and Wasteful beyond MOST_SECONDS of this process's time or `most_memory`, each time it is read.
    """
    if kind == "plan":
        return _measured(data, lambda: read_plan(data))
    file = ModelFile(Path("hostile"), data, "0" * 64)
    compiled = _measured(data, lambda: compile_model(file, name="hostile").plan)
    if compiled.outcome == "EFN-M022":
        raise Unclear(f"the compiler makes what it does not read: {compiled.said}")
    inspected = _measured(data, lambda: inspect_model(file))
    seconds, memory = max(compiled.seconds, inspected.seconds), max(compiled.memory, inspected.memory)
    return replace(compiled, seconds=seconds, memory=memory)


def _measured(data: bytes, use: Callable[[], object]) -> Reading:
    before = _resting()
    started = time.process_time()
    outcome, said, answer = _answer(use)
    seconds = time.process_time() - started
    memory = max(_memory("VmHWM") - before, 0)
    if seconds > MOST_SECONDS:
        raise Wasteful(f"{len(data):,} bytes take {seconds:.1f} s; then: {outcome} {said}")
    if memory > most_memory(len(data)):
        raise Wasteful(f"{len(data):,} bytes take {memory:,} bytes of memory; then: {outcome} {said}")
    return Reading(outcome, said, seconds, memory, answer if isinstance(answer, bytes) else None)


def _answer(use: Callable[[], object]) -> tuple[str, str, object]:
    """The outcome, what an error says, and the value."""
    try:
        return READ, "", use()
    except EdgefnError as error:
        if not error.code.startswith("EFN-M0") or not error.hint or len(error.message) > LONGEST_MESSAGE:
            raise Unclear(f"{error.code} {error.message[:200]} ({error.hint})") from error
        if error.detail:  # a surprise, as graph/importers/surprise.py has it
            raise Unclear(error.message[:500]) from error
        return error.code, error.message, None
    except Exception as error:
        raise Unclear(f"{type(error).__name__}: {str(error)[:500]}") from error


def _resting() -> int:
    """The memory of this process now, freed of what the inputs before have left; its peak is forgotten."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(field: str) -> int:
    """VmRSS or VmHWM of this process in bytes; 0 where the system does not say."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) << 10
    return 0
