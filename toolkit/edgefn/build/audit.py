"""The import audit: which imports of a function would fail once its files are gone.

Inside a component everything is imported while it is built; a module that is not there by then does not exist at run
time. The audit reads the sources
without running them and says, with file and line, what is missing, and what has to be loaded ahead of time.
"""

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from edgefn.errors import BuildError

__all__ = ["Audit", "Import", "audit"]


@dataclass(frozen=True, slots=True)
class Import:
    """One import statement.

    `late` when a function or a branch holds it, `guarded` when a try block catches its failure.
    """

    module: str
    file: str
    line: int
    late: bool
    guarded: bool


@dataclass(frozen=True, slots=True)
class Audit:
    """`preload`: modules that are imported late and have to be loaded before the snapshot.

    `missing`: what cannot be had at all.
    """

    preload: tuple[str, ...]
    missing: tuple[Import, ...]
    optional: tuple[Import, ...]

    def check(self) -> None:
        """Raise BuildError when an import would fail."""
        if not self.missing:
            return
        lines = [f"{i.file}:{i.line}: import {i.module} ({_why(i.module)})" for i in self.missing]
        raise BuildError(
            "EFN-B010",
            "imports that would fail at run time:\n  " + "\n  ".join(lines),
            hint="put a pure-Python package into the function's folder with: pip install --target vendor PACKAGE",
        )


def audit(sources: Iterable[tuple[str, Path]]) -> Audit:
    """Audit a function's own sources: pairs of the path inside the component and the file."""
    sources = [(name, path) for name, path in sources if name.endswith(".py")]
    local = {name.split("/")[0].removesuffix(".py") for name, _ in sources} | {"edgefn"}
    local |= {name.split("/")[1].removesuffix(".py") for name, _ in sources if name.startswith("vendor/")}
    found = [i for name, path in sources if not name.startswith("vendor/") for i in _imports(name, path)]
    absent = [i for i in found if not _available(i.module, local)]
    late = {i.module for i in found if i.late and _available(i.module, local)}
    return Audit(
        preload=tuple(sorted(late)),
        missing=tuple(i for i in absent if not i.guarded),
        optional=tuple(i for i in absent if i.guarded),
    )


def _available(module: str, local: set[str]) -> bool:
    top = module.split(".", maxsplit=1)[0]
    return top in local or (top in sys.stdlib_module_names and top not in _unavailable())


def _why(module: str) -> str:
    return (
        "not part of Python in WebAssembly"
        if module.split(".", maxsplit=1)[0] in sys.stdlib_module_names
        else "no such module in the function's folder"
    )


def _unavailable() -> frozenset[str]:
    text = (files("edgefn.build") / "unavailable.txt").read_text()
    return frozenset(line for line in text.split() if not line.startswith("#"))


def _imports(name: str, path: Path) -> Iterator[Import]:
    try:
        tree = ast.parse(path.read_bytes(), filename=name)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise BuildError(
            "EFN-B011", f"{name}:{line}: {getattr(error, 'msg', error)}", hint=f"correct line {line} of {name}"
        ) from None
    yield from _walk(tree, name, late=False, guarded=False)


def _walk(node: ast.AST, file: str, *, late: bool, guarded: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and _type_checking(child.test):
            continue
        match child:
            case ast.Import(names=names):
                yield from (Import(alias.name, file, child.lineno, late, guarded) for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield Import(module, file, child.lineno, late, guarded)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                yield from _walk(child, file, late=True, guarded=guarded)
            case ast.Try(handlers=handlers) if any(_catches_import(h) for h in handlers):
                yield from _walk(child, file, late=late, guarded=True)
            case _:
                yield from _walk(child, file, late=late, guarded=guarded)


def _type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _catches_import(handler: ast.ExceptHandler) -> bool:
    caught = [handler.type] if not isinstance(handler.type, ast.Tuple) else handler.type.elts
    names = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
    return any(c is None or (isinstance(c, ast.Name) and c.id in names) for c in caught)
