"""The import audit: which imports of a function would fail once its files are gone.

Inside a component everything is imported while it is built; a module that is not there by then does not exist at run
time. The audit reads the sources without running them and says, with file and line, what is missing, and what has to be
loaded ahead of time.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from edgefn.build.imports import Import, find_imports
from edgefn.errors import BuildError

__all__ = ["Audit", "Late", "audit"]

VENDOR = "vendor/"
# What people try first; none of it comes as WebAssembly for WASI.
COMPILED = frozenset({"PIL", "cv2", "numpy", "onnxruntime", "pandas", "scipy", "sklearn", "tensorflow", "torch"})


@dataclass(frozen=True, slots=True)
class Late:
    """What a module imports only when it is called: names that must be loaded ahead of time, and names that may be."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Audit:
    """`late` by module: own ones and vendored ones.

    `missing` cannot be had at all; `optional` cannot either, but its failure is caught.
    """

    late: dict[str, Late]
    missing: tuple[Import, ...]
    optional: tuple[Import, ...]

    @property
    def preload(self) -> tuple[str, ...]:
        """Names that the function's modules need ahead of time, sorted."""
        return tuple(sorted({name for late in self.late.values() for name in late.required}))

    def check(self) -> None:
        """Raise BuildError when an import would fail."""
        if not self.missing:
            return
        lines = [f"{i.file}:{i.line}: import {i.module} ({_why(i.module)})" for i in self.missing]
        hint = "put a pure-Python package into the function's folder with: pip install --target vendor PACKAGE"
        if any(_top(i.module) in COMPILED for i in self.missing):
            hint = "compute with edgefn's Tensor, and put what computes much into a model under [models] in edgefn.toml"
        raise BuildError("EFN-B010", "imports that would fail at run time:\n  " + "\n  ".join(lines), hint=hint)


def audit(sources: Iterable[tuple[str, Path]]) -> Audit:
    """Audit a function's sources: pairs of the path inside the component and the file.

    What a vendored package imports is never missing: only the parts of it that are imported count, and which those are
    is known once it runs. Raises BuildError (EFN-B011) when one of the function's own files is not Python.
    """
    modules = {_module(name): (name, path) for name, path in sources if name.endswith(".py")}
    local = {name.partition(".")[0] for name in modules} | {"edgefn"}
    known = local | _stdlib()
    late, absent = {}, []
    for module, (name, path) in modules.items():
        vendored = name.startswith(VENDOR)
        found = find_imports(module, name, path, lenient=vendored)
        there = [i for i in found if i.late and _top(i.module) in known]
        required = {i.name for i in there if not i.guarded and not vendored}
        late[module] = Late(tuple(sorted(required)), tuple(sorted({i.name for i in there} - required)))
        absent += [] if vendored else [i for i in found if _top(i.module) not in known]
    return Audit(
        late={module: found for module, found in late.items() if found != Late()},
        missing=tuple(i for i in absent if not i.guarded),
        optional=tuple(i for i in absent if i.guarded),
    )


def _module(name: str) -> str:
    """The dotted name of a file inside the component."""
    return name.removeprefix(VENDOR).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _top(module: str) -> str:
    return module.partition(".")[0]


def _stdlib() -> frozenset[str]:
    """The standard library's modules inside a component, which are not those of the Python that runs edgefn."""
    text = (files("edgefn.build") / "stdlib.txt").read_text()
    return frozenset(line for line in text.splitlines() if not line.startswith("#"))


def _why(module: str) -> str:
    if _top(module) in COMPILED:
        return "compiled code, which Python in WebAssembly cannot load"
    if _top(module) in sys.stdlib_module_names:
        return "not part of Python in WebAssembly"
    return "no such module in the function's folder"
