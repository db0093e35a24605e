"""Compile the C engine with ziglang: two flavours, each linked as a CPython extension and as a core Wasm module.

This file is also hatchling's build hook, so it imports nothing of edgefn: in a wheel build that is not there yet.
"""

import contextlib
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
else:
    try:
        from hatchling.builders.hooks.plugin.interface import BuildHookInterface
    except ModuleNotFoundError:  # everywhere but in a wheel build
        BuildHookInterface = object

__all__ = ["CompilationError", "EngineHook", "compile_engine"]

HERE = Path(__file__).parent
STAMP = "stamp"
EXTENSION = "_edgefn_engine.abi3.so"
MODULE = "engine.wasm"
FLAVOURS = {"simd128": ("-msimd128",), "relaxed-simd": ("-msimd128", "-mrelaxed-simd")}
FLAGS = (
    *("-O3", "-std=c11", "-ffreestanding", "-fno-sanitize=all", "-mbulk-memory", "-g0"),
    *("-Wall", "-Wextra", "-Wconversion", "-Werror"),
    "-Wno-pass-failed",  # one body serves constant tap counts, where unrolling is wanted, and variable ones
    "-ffp-contract=off",  # simd128 agrees with the scalar reference bit for bit
    "-fno-strict-aliasing",  # parameters and tensors are read in place, from bytes
    *("-fno-vectorize", "-fno-slp-vectorize", "-fno-unroll-loops"),  # what is hot is in lanes and unrolled by hand
    *("-mllvm", "-disable-lsr"),  # otherwise load offsets are not folded
)
EXTENSION_LINK = (
    *("-shared", "--experimental-pic", "--import-memory", "--unresolved-symbols=import-dynamic"),
    "--export=PyInit__edgefn_engine",
)
MODULE_LINK = ("--no-entry", "--stack-first", "-z", "stack-size=65536")


class CompilationError(RuntimeError):
    """A tool failed: the sources or the toolchain are broken, which no user can mend."""


def compile_engine(out: Path) -> None:
    """Compile every flavour and form into `out`/<flavour>/, unless the stamp there says that nothing has changed.

    Files are replaced by renaming. Raises CompilationError with the tool's output.
    """
    stamp = out / STAMP
    digest = _sources_digest()
    if stamp.is_file() and stamp.read_text() == digest and all(path.is_file() for path in _products(out)):
        return
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for flavour, flags in FLAVOURS.items():
            work = Path(folder) / flavour
            work.mkdir()
            _link(_compile(pool, work, "extension", (*flags, "-fPIC")), EXTENSION_LINK, out / flavour / EXTENSION)
            _link(_compile(pool, work, "standalone", flags), MODULE_LINK, out / flavour / MODULE)
    _replace(stamp, digest.encode())


def _products(out: Path) -> list[Path]:
    return [out / flavour / name for flavour in FLAVOURS for name in (EXTENSION, MODULE)]


def _sources() -> list[Path]:
    return sorted(path for path in HERE.rglob("*.[ch]") if path.is_file())


def _sources_digest() -> str:
    digest = hashlib.sha256(repr((FLAVOURS, FLAGS, EXTENSION_LINK, MODULE_LINK, version("ziglang"))).encode())
    for path in _sources():
        digest.update(f"\n{path.relative_to(HERE).as_posix()} {path.stat().st_size}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _compile(pool: ThreadPoolExecutor, work: Path, form: str, flags: Iterable[str]) -> list[Path]:
    """Objects of the whole engine and of link/`form`."""
    others = HERE / "link"
    sources = [p for p in _sources() if p.suffix == ".c" and (p.parent.parent != others or p.parent.name == form)]
    common = ("cc", "-target", "wasm32-wasi", "-nostdlib", *FLAGS, *flags, "-c")

    def one(source: Path) -> Path:
        target = work / f"{form}-{source.parent.name}-{source.stem}.o"
        _zig(*common, source.relative_to(HERE).as_posix(), "-o", str(target))
        return target

    return list(pool.map(one, sources))


def _link(objects: list[Path], flags: Iterable[str], target: Path) -> None:
    beside = objects[0].with_name(target.name)
    _zig("wasm-ld", "-s", *flags, *map(str, objects), "-o", str(beside))
    _replace(target, beside.read_bytes())


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()


def _zig(*arguments: str) -> None:
    command = [sys.executable, "-m", "ziglang", *arguments]
    done = subprocess.run(  # noqa: S603 -- an argument list of our own
        command, cwd=HERE, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise CompilationError(f"{' '.join(command)}\nended with status {done.returncode}:\n{done.stderr[-8000:]}")


class EngineHook(BuildHookInterface):  # type: ignore[misc]  # hatchling is not typed
    """Compile into toolkit/edgefn/engine/lib before the wheel (or editable install) is put together."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name == "wheel":
            compile_engine(HERE / "lib")
