"""Where the compiled engine lies."""

from pathlib import Path

from edgefn.errors import BuildError, UsageError

__all__ = ["FLAVOURS", "extension_path", "known_flavour", "module_path"]

FLAVOURS = ("simd128", "relaxed-simd")
LIBRARY = Path(__file__).parent / "lib"


def extension_path(flavour: str) -> Path:
    """Locate the CPython extension module that travels into components. Raises BuildError when it was not built."""
    return _path(flavour, "_edgefn_engine.abi3.so")


def module_path(flavour: str) -> Path:
    """Locate the core Wasm module. Raises BuildError when it was not built."""
    return _path(flavour, "engine.wasm")


def known_flavour(flavour: str) -> str:
    """The flavour, if there is one of that name. Raises UsageError (EFN-U031) otherwise."""
    if flavour not in FLAVOURS:
        raise UsageError("EFN-U031", f"no engine flavour {flavour!r}", hint=f"use one of: {', '.join(FLAVOURS)}")
    return flavour


def _path(flavour: str, name: str) -> Path:
    path = LIBRARY / known_flavour(flavour) / name
    if not path.is_file():
        message = f"the engine is not built: {path} is not there"
        raise BuildError("EFN-B031", message, hint="in a source checkout, run: pip install -e .")
    return path
