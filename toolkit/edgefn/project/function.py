"""A function: a folder with edgefn.toml, a handler, models and samples."""

import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from edgefn.errors import ConfigError
from edgefn.limits.budgets import Budgets
from edgefn.project.written import read_text, show, validate

if TYPE_CHECKING:
    from edgefn.project.schema import FunctionFile

__all__ = ["NOT_TAKEN", "Function", "ModelSource", "editor_schema", "load_function"]

FILE_NAME = "edgefn.toml"
MAX_FILE_BYTES = 1 << 20
NOT_TAKEN = frozenset({"samples", "tests", "node_modules", "dist"})  # folders that stay out of the component
RESERVED = NOT_TAKEN | {"vendor", "edgefn", "edgefn_component", "_edgefn_engine", "wit_world"}


@dataclass(frozen=True, slots=True)
class ModelSource:
    """[models.NAME]: the user's model file, absolute; it may not exist. `dims` are sizes of its open dimensions."""

    name: str
    source: Path
    dims: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """A function as edgefn.toml declares it. Paths are absolute; the handler exists and lies inside the folder."""

    folder: Path
    name: str
    handler: Path
    models: tuple[ModelSource, ...]
    budgets: Budgets
    flavour: str


def load_function(folder: Path) -> Function:
    """Read `folder`/edgefn.toml. Raises ConfigError (EFN-C001 to EFN-C008)."""
    from edgefn.project.schema import FunctionFile  # noqa: PLC0415 -- pydantic is slow to import

    folder = _absolute(folder)
    path = folder / FILE_NAME
    written = validate(FunctionFile, _parse(path), path)
    return Function(
        folder=folder,
        name=written.function.name,
        handler=_handler(folder, written.function.handler),
        models=_models(folder, written),
        budgets=written.limits.budgets(),
        flavour=written.build.flavour,
    )


def editor_schema() -> dict[str, Any]:
    """Describe edgefn.toml as JSON Schema, for editors."""
    from edgefn.project.schema import FunctionFile  # noqa: PLC0415 -- pydantic is slow to import

    schema = FunctionFile.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": FILE_NAME}


def _absolute(folder: Path) -> Path:
    try:
        return folder.resolve()
    except (OSError, ValueError, RuntimeError) as error:  # NUL in the name, a loop of links
        raise ConfigError(
            "EFN-C001", f"{show(str(folder))} is not a folder: {error}", hint="name the function's folder"
        ) from None


def _parse(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ConfigError(
            "EFN-C001", f"no {FILE_NAME} in {path.parent}", hint="start a function with: edgefn new hello"
        )
    text = read_text(path, MAX_FILE_BYTES)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        end = f"at line {len(text.splitlines())}, the end of the file"
        reason = str(error).replace("at end of document", end)
        raise ConfigError("EFN-C003", f"{path} is not TOML: {reason}", hint="correct that line") from None
    except (ValueError, RecursionError) as error:  # an integer of thousands of digits, arrays thousands deep
        raise ConfigError("EFN-C003", f"{path} cannot be parsed: {error}", hint="remove the oversized value") from None


def _handler(folder: Path, written: str) -> Path:
    relative = PurePosixPath(written)
    names = [*relative.parts[:-1], relative.stem]
    if relative.is_absolute() or relative.suffix != ".py" or not all(n.isidentifier() for n in names):
        expected = "a Python file inside the folder, importable by its path"
        message = f"{folder / FILE_NAME}: handler in [function] is {show(written)}: expected {expected}"
        raise ConfigError("EFN-C007", message, hint='write for example: handler = "handler.py"')
    if names[0] in sys.stdlib_module_names or names[0] in RESERVED:
        taken = f"but {names[0]} is a name of Python's or edgefn's"
        message = f"{folder / FILE_NAME}: handler in [function] is {show(written)}, {taken}"
        raise ConfigError("EFN-C007", message, hint="rename the file, for example: handler.py")
    handler = folder / relative
    if not handler.is_file():
        message = f"{folder / FILE_NAME}: handler in [function] is {show(written)}, but there is no file {handler}"
        raise ConfigError("EFN-C007", message, hint=f"create {handler.name}, or correct handler in [function]")
    return handler


def _models(folder: Path, written: "FunctionFile") -> tuple[ModelSource, ...]:
    return tuple(
        ModelSource(name, _source(folder, name, table.source), tuple(sorted(table.dims.items())))
        for name, table in sorted(written.models.items())
    )


def _source(folder: Path, name: str, written: str) -> Path:
    if "\0" in written or PurePosixPath(written).is_absolute():
        expected = "a path relative to the folder"
        message = f"{folder / FILE_NAME}: source in [models.{name}] is {show(written)}: expected {expected}"
        raise ConfigError("EFN-C008", message, hint=f'write for example: source = "{name}.onnx"')
    return _absolute(folder / written)
