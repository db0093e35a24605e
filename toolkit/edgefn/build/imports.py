"""The import statements of a source file."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edgefn.errors import BuildError

__all__ = ["Import", "find_imports"]


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name: `module`, and `name` with what is taken from it (`os.path` of `from os import path`).

    `late` when a function holds it, `guarded` when a try block catches its failure.
    """

    module: str
    name: str
    file: str
    line: int
    late: bool
    guarded: bool


def find_imports(module: str, file: str, path: Path, *, lenient: bool = False) -> list[Import]:
    """Imports in the source of `module`, which messages call `file`; those for type checkers only are left out.

    Raises BuildError (EFN-B011) when it is not Python; when `lenient`, such a file has none.
    """
    try:
        tree = ast.parse(path.read_bytes(), filename=file)
    except (SyntaxError, ValueError, RecursionError) as error:
        if lenient:
            return []
        line = getattr(error, "lineno", None) or 1
        raise BuildError(
            "EFN-B011", f"{file}:{line}: {getattr(error, 'msg', error)}", hint=f"correct line {line} of {file}"
        ) from None
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return list(_Visitor(package, file).visit(tree, late=False, guarded=False))


class _Visitor:
    def __init__(self, package: str, file: str) -> None:
        self._package = package
        self._file = file

    def visit(self, node: ast.AST, *, late: bool, guarded: bool) -> Iterator[Import]:
        match node:
            case ast.Import(names=names):
                yield from (self._import(node, alias.name, alias.name, late, guarded) for alias in names)
            case ast.ImportFrom(names=names):
                base = self._base(node)
                for alias in names if base else ():
                    name = base if alias.name == "*" else f"{base}.{alias.name}"
                    yield self._import(node, base, name, late, guarded)
            case ast.Call() if (called := _called_import(node)) is not None:
                yield self._import(node, called, called, late, guarded)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                yield from self._inside(node, late=True, guarded=guarded)
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
                caught = guarded or any(map(_catches_import, handlers))
                yield from self._all(body, late=late, guarded=caught)
                yield from self._all([*handlers, *orelse, *final], late=late, guarded=guarded)
            case ast.If(test=test, orelse=orelse) if _type_checking(test):
                yield from self._all(orelse, late=late, guarded=guarded)
            case _:
                yield from self._inside(node, late=late, guarded=guarded)

    def _inside(self, node: ast.AST, *, late: bool, guarded: bool) -> Iterator[Import]:
        return self._all(ast.iter_child_nodes(node), late=late, guarded=guarded)

    def _all(self, nodes: Iterable[ast.AST], *, late: bool, guarded: bool) -> Iterator[Import]:
        for node in nodes:
            yield from self.visit(node, late=late, guarded=guarded)

    def _import(self, node: ast.expr | ast.stmt, module: str, name: str, late: bool, guarded: bool) -> Import:
        return Import(module, name, self._file, node.lineno, late, guarded)

    def _base(self, node: ast.ImportFrom) -> str:
        """The absolute name of what is imported from; empty when it lies outside every package."""
        if node.level == 0:
            return node.module or ""
        parents = self._package.split(".") if self._package else []
        if node.level > len(parents):
            return ""
        return ".".join([*parents[: len(parents) - node.level + 1], *([node.module] if node.module else [])])


def _called_import(call: ast.Call) -> str | None:
    """The module that `import_module("...")` or `__import__("...")` names."""
    called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", None)
    if called not in ("import_module", "__import__") or len(call.args) != 1:
        return None
    match call.args[0]:
        case ast.Constant(value=str(name)) if not name.startswith("."):
            return name
    return None


def _type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _catches_import(handler: ast.ExceptHandler) -> bool:
    caught = [handler.type] if not isinstance(handler.type, ast.Tuple) else handler.type.elts
    names = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
    return any(c is None or (isinstance(c, ast.Name) and c.id in names) for c in caught)
