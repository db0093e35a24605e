"""The C engine built natively under AddressSanitizer and UndefinedBehaviorSanitizer, and run on a corpus of plans."""

import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import pytest

import edgefn.engine

__all__ = [
    "FLAVOURS",
    "MOST_PLAN",
    "Crash",
    "LowMemoryMissing",
    "Meeting",
    "Sanitized",
    "build",
    "compiler",
    "sanitized_engine",
]

HERE = Path(__file__).parent
ENGINE = Path(edgefn.engine.__file__).parent
SANITIZERS = ("-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all")
FLAGS = (
    *("-std=gnu11", "-O1", "-g1", "-w", "-fno-omit-frame-pointer"),
    *("-ffp-contract=off", "-fno-strict-aliasing"),  # as the Wasm build has it
)
FLAVOURS = {"simd128": (), "relaxed-simd": ("-D__wasm_relaxed_simd__",)}
NO_LOW_MEMORY = 77
MOST_PLAN = 16 << 20  # bytes, of a plan that is met

type Outcome = Literal["refused", "ran", "large", "long", "differs"]


@dataclass(frozen=True, slots=True)
class Meeting:
    """What came of one plan: the status of efn_open, whether it ran, and a digest of its outputs."""

    status: int
    outcome: Outcome
    digest: str
    open_seconds: float


class Crash(AssertionError):
    """A plan broke the engine: `report` is what the sanitizer says, `before` what came of the plans before it."""

    def __init__(self, before: list[Meeting], report: str) -> None:
        super().__init__(report)
        self.before = before
        self.report = report


class LowMemoryMissing(RuntimeError):
    """The system gives no memory below 4 GiB, where the engine's addresses have to lie."""


@dataclass(frozen=True, slots=True)
class Sanitized:
    """The program that meets plans."""

    program: Path

    def meet(self, plans: Iterable[bytes], *, missing: int = 0) -> list[Meeting]:
        """Open and run every plan, in an arena `missing` bytes too small. Raises Crash for the first that breaks it."""
        corpus = b"".join(struct.pack("<I", len(plan)) + plan for plan in plans)
        done = subprocess.run([self.program, str(missing)], input=corpus, capture_output=True, check=False)
        if done.returncode == NO_LOW_MEMORY:
            raise LowMemoryMissing(done.stderr.decode())
        meetings = [_meeting(line.split()) for line in done.stdout.decode().splitlines()]
        if done.returncode != 0:
            raise Crash(meetings, done.stderr.decode(errors="replace").strip() or f"status {done.returncode}")
        return meetings


def _meeting(words: Sequence[str]) -> Meeting:
    _, status, outcome, digest, microseconds = words
    return Meeting(int(status), outcome, digest, float(microseconds) / 1e6)


@cache
def compiler() -> str | None:
    """The system's C compiler whose sanitizers work: $CC, gcc or clang; None when there is none."""
    return next((c for c in (os.environ.get("CC"), "gcc", "clang") if c and shutil.which(c) and _sanitizes(c)), None)


def _sanitizes(command: str) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "empty"
        build = [command, *SANITIZERS, "-xc", "-", "-o", program]
        source = b"int main(void) { return 0; }"
        return all(
            subprocess.run(step, input=source, capture_output=True, check=False).returncode == 0
            for step in (build, [program])
        )


@pytest.fixture(scope="session")
def sanitized_engine(tmp_path_factory) -> Callable[[str], Sanitized]:
    """Builds the engine natively under sanitizers, each flavour once."""

    @cache
    def of(flavour: str) -> Sanitized:
        if compiler() is None:
            pytest.skip("there is no gcc or clang with -fsanitize=address,undefined")
        return build(tmp_path_factory.mktemp("sanitized"), flavour)

    return of


def build(folder: Path, flavour: str = "simd128") -> Sanitized:
    """Compile the engine and the program that meets plans into `folder`. Raises RuntimeError with the tool's output."""
    common = (compiler() or "cc", *SANITIZERS, *FLAGS, *FLAVOURS[flavour], f"-I{HERE}", f"-I{ENGINE}")
    sources = sorted([*ENGINE.glob("core/*.c"), *ENGINE.glob("ops/*.c"), HERE / "main.c"])

    def one(source: Path) -> Path:
        target = folder / f"{flavour}-{source.parent.name}-{source.stem}.o"
        _run(*common, "-c", source, "-o", target)
        return target

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        objects = list(pool.map(one, sources))
    program = folder / f"meet-{flavour}"
    _run(*common, *objects, "-lm", "-o", program)
    return Sanitized(program)


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stderr[-8000:]}")
