"""Components compiled for this machine, once.

Compiling takes seconds, mapping the result milliseconds. A compiled file is machine code that wasmtime trusts: it is
read from the user's own cache only,
under a name that holds the digest of the component, of the settings and of wasmtime's version.
"""

import os
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path

from wasmtime import Config, Engine, WasmtimeError
from wasmtime.component import Component, Linker

from edgefn.errors import HostError
from edgefn.host.ticker import Ticker
from edgefn.project.atomic import write_whole
from edgefn.project.cache import cache_folder, digest

__all__ = ["MAX_COMPONENT_BYTES", "MAX_STACK_BYTES", "Loaded", "load_component"]

MAX_COMPONENT_BYTES = 128 << 20
MAX_STACK_BYTES = 1 << 20  # above this wasmtime can abort the process


class Runtime:
    """One wasmtime engine with its linker settings and its epoch clock.

    Shared by all components with the same stack limit.
    """

    def __init__(self, stack_bytes: int) -> None:
        config = Config()
        config.epoch_interruption = True
        config.max_wasm_stack = stack_bytes
        self.settings = "epoch"  # what of the configuration changes the compiled code
        self.engine = Engine(config)
        self.ticker = Ticker(self.engine)


class Loaded:
    """A component ready to be instantiated, and whether it had to be compiled."""

    def __init__(self, runtime: Runtime, component: Component, *, compiled: bool) -> None:
        self.runtime = runtime
        self.component = component
        self.compiled = compiled

    def linker(self) -> Linker:
        """A linker with WASI; one for each thread."""
        linker = Linker(self.runtime.engine)
        linker.add_wasip2()
        return linker


@cache
def _runtime(stack_bytes: int) -> Runtime:
    return Runtime(stack_bytes)


def load_component(path: Path, *, stack_bytes: int = MAX_STACK_BYTES) -> Loaded:
    """Map the compiled form of the component at `path`, compiling it first when this machine has not done so.

    Raises HostError: EFN-H002 when the file cannot be read, EFN-H003 when it is not a component that wasmtime takes.
    """
    runtime = _runtime(min(stack_bytes, MAX_STACK_BYTES))
    binary = _read(path)
    key = digest(binary, version("wasmtime"), runtime.settings, platform.machine())
    compiled = cache_folder("compiled") / f"{key}.cwasm"
    if compiled.is_file():
        try:
            component = Component.deserialize_file(runtime.engine, os.fspath(compiled))
            return Loaded(runtime, component, compiled=False)
        except WasmtimeError:
            compiled.unlink(missing_ok=True)  # made by another build of wasmtime, or damaged: make it again
    component = _compile(runtime.engine, path, binary)
    write_whole(compiled, bytes(component.serialize()))
    return Loaded(runtime, component, compiled=True)


def _compile(engine: Engine, path: Path, binary: bytes) -> Component:
    try:
        return Component(engine, binary)
    except WasmtimeError as error:
        reason = str(error).splitlines()[0]
        raise HostError(
            "EFN-H003",
            f"{path} is not a component that wasmtime {version('wasmtime')} takes: {reason}",
            hint="rebuild it with: edgefn build",
            detail=str(error),
        ) from None


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_COMPONENT_BYTES:
            raise HostError(
                "EFN-H002",
                f"{path} has {size:,} bytes, at most {MAX_COMPONENT_BYTES:,} are loaded",
                hint="see the parts with: edgefn build",
            )
        return path.read_bytes()
    except OSError as error:
        raise HostError(
            "EFN-H002", f"cannot read the component {path}: {error.strerror}", hint="run: edgefn build"
        ) from None
