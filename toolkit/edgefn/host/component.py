"""Components compiled for this machine, once.

Compiling takes seconds, mapping the result milliseconds. A compiled file is machine code that wasmtime trusts: it is
read from the user's own cache only,
under a name that holds the digest of the component, of the settings and of wasmtime's version.
"""

import logging
import os
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path

from wasmtime import Config, Engine, WasmtimeError
from wasmtime.component import Component, FuncType, Linker, String

from edgefn.errors import HostError
from edgefn.host.ticker import Ticker
from edgefn.limits import Profile
from edgefn.project.cache import Cache, digest

__all__ = ["MAX_COMPONENT_BYTES", "MAX_STACK_BYTES", "Loaded", "load_component"]

MAX_COMPONENT_BYTES = 128 << 20
MAX_STACK_BYTES = 1 << 20  # above this wasmtime can abort the process
COMPILED = Cache("compiled", ".cwasm", max_bytes=2 << 30)

log = logging.getLogger(__name__)


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


def load_component(path: Path, profile: Profile) -> Loaded:
    """Map the compiled form of the component at `path`, compiling it first when this machine has not done so.

    The stack is the profile's. Raises HostError: EFN-H002 when the file cannot be read, EFN-H003 when it is not a
    component that wasmtime takes, EFN-H004 when it has no text door (docs/spec/frame.md).
    """
    runtime = _runtime(min(int(profile.value("stack_bytes") or MAX_STACK_BYTES), MAX_STACK_BYTES))
    binary = _read(path)
    key = digest(binary, version("wasmtime"), runtime.settings, platform.machine())
    component = _mapped(runtime.engine, key)
    compiled = component is None
    if component is None:
        component = _compile(runtime.engine, path, binary)
        COMPILED.keep(key, bytes(component.serialize()))
    _check_door(runtime.engine, component)
    return Loaded(runtime, component, compiled=compiled)


def _mapped(engine: Engine, key: str) -> Component | None:
    path = COMPILED.find(key)
    if path is None:
        return None
    try:
        return Component.deserialize_file(engine, os.fspath(path))
    except WasmtimeError:  # made by another build of wasmtime, or damaged: make it again
        path.unlink(missing_ok=True)
        return None


def _check_door(engine: Engine, component: Component) -> None:
    export = component.type.exports(engine).get("text")
    door = export.ty if export is not None else None
    if not isinstance(door, FuncType) or [type(t) for t in (*(t for _, t in door.params), door.result)] != [String] * 2:
        raise HostError(
            "EFN-H004",
            "the component has no export 'text: func(frame: string) -> string'",
            hint="it was not built by edgefn; run: edgefn build",
        )


def _compile(engine: Engine, path: Path, binary: bytes) -> Component:
    log.info("compiling %s for this machine, once: about 10 s", path.name)
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
