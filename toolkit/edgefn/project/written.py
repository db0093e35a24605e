"""Files that users write: bounded reading, and one clear error for whatever is wrong in them."""

import difflib
import json
import types
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAliasType, get_args, get_origin

from edgefn.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

__all__ = ["nearest", "read_bytes", "read_text", "show", "validate"]

type _Location = tuple[int | str, ...]


def read_bytes(path: Path, limit: int) -> bytes:
    """Read the file. Raises ConfigError (EFN-C002) when it cannot be read or has more than `limit`."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(
            "EFN-C002", f"{path} cannot be read: {reason}", hint=f"make it a readable file: {path.name}"
        ) from None
    if len(data) > limit:
        raise ConfigError("EFN-C002", f"{path} has more than {limit:,} bytes", hint=f"make {path.name} smaller")
    return data


def read_text(path: Path, limit: int) -> str:
    """Read the file as UTF-8. Raises ConfigError (EFN-C002)."""
    data = read_bytes(path, limit)
    try:
        return data.decode("utf-8-sig")  # editors of some systems begin a file with a mark
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"{path} is not UTF-8: byte 0x{data[error.start]:02x} in line {line}"
        raise ConfigError("EFN-C002", message, hint="save the file as UTF-8") from None


def validate[Table: "BaseModel"](schema: type[Table], data: object, path: Path) -> Table:
    """Check `data`, read from `path`, against `schema`.

    Raises ConfigError for the first thing that is wrong, with the others in `detail`: EFN-C004 an unknown key, EFN-C005
    a wrong value, EFN-C006 a missing key.
    """
    from pydantic import ValidationError  # noqa: PLC0415 -- slow to import, and not needed by a bare --help

    try:
        return schema.model_validate(data)
    except ValidationError as error:
        found = [_explain(schema, one, path) for one in error.errors(include_url=False, include_context=False)]
        found.sort(key=lambda one: one.code)
        first = found[0]
        first.detail = "\n".join(dict.fromkeys(one.message for one in found[1:] if one.message != first.message))
        raise first from None


def nearest(name: str, valid: Sequence[str]) -> str | None:
    """Guess the valid name that `name` was meant to be."""
    return next(iter(difflib.get_close_matches(name, valid, n=1, cutoff=0.5)), None)


def show(value: object, limit: int = 120) -> str:
    """Write a value as its writer knows it, cut to `limit` characters."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        text = f"a {type(value).__name__}"
    text = text.encode(errors="backslashreplace").decode()
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def _explain(schema: "type[BaseModel]", error: "ErrorDetails", path: Path) -> ConfigError:
    where = error["loc"]
    if where and where[-1] == "[key]":
        return _bad_name(where[:-1], path)
    if error["type"] == "extra_forbidden":
        return _unknown(schema, where, path)
    if error["type"] == "missing":
        return _missing(schema, where, path)
    return _wrong(schema, where, error["input"], path)


def _unknown(schema: "type[BaseModel]", where: _Location, path: Path) -> ConfigError:
    *table, key = where
    parent, _ = _descend(schema, tuple(table))
    valid = sorted(field.alias or name for name, field in parent.model_fields.items())
    match = nearest(str(key), valid)
    listed = ", ".join(valid)
    hint = f"rename it to {match} (valid there: {listed})" if match else f"remove it (valid there: {listed})"
    return ConfigError("EFN-C004", f"{path}: unknown key {show(str(key))} in {_table(tuple(table), path)}", hint=hint)


def _missing(schema: "type[BaseModel]", where: _Location, path: Path) -> ConfigError:
    *table, key = where
    _, field = _descend(schema, where)
    message = f"{path}: {_table(tuple(table), path)} lacks {key}: expected {field.description}"
    if isinstance(field.examples[0], dict):
        (name, value), *_ = field.examples[0].items()
        return ConfigError("EFN-C006", message, hint=f"add a table: [{key}] with {name} = {show(value)}")
    return ConfigError("EFN-C006", message, hint=f"add to {_table(tuple(table), path)}: {_line(str(key), field, path)}")


def _wrong(schema: "type[BaseModel]", where: _Location, value: object, path: Path) -> ConfigError:
    _, field = _descend(schema, where)
    if field is None:  # a table of a family ([models.NAME]), or the whole document
        expected = "a table" if path.suffix == ".toml" else "an object"
        message = f"{path}: {_table(where, path)} is {show(value)}: expected {expected}"
        return ConfigError("EFN-C005", message, hint=f"make {_table(where, path)} {expected}")
    keys = _plain(where)
    key, table = keys[-1], tuple(keys[:-1])
    message = f"{path}: {key} in {_table(table, path)} is {show(value)}: expected {field.description}"
    if not field.examples or isinstance(field.examples[0], dict):
        return ConfigError("EFN-C005", message, hint=f"make {_table((*table, key), path)} {field.description}")
    return ConfigError("EFN-C005", message, hint=f"write for example: {_line(key, field, path)}")


def _bad_name(where: _Location, path: Path) -> ConfigError:
    *table, name = where
    expected = "a name of lower-case letters, digits and underscores that starts with a letter, at most 63 characters"
    message = f"{path}: name {show(str(name))} in {_table(tuple(table), path)}: expected {expected}"
    return ConfigError("EFN-C005", message, hint=f"rename it, for example: [{'.'.join(map(str, table))}.my_model]")


def _descend(schema: "type[BaseModel]", where: _Location) -> tuple[Any, Any]:
    """Find the innermost table on the way to `where`, and the field of it there (None at a table's own place)."""
    table: Any = schema
    field: Any = None
    kind: Any = schema
    for part in where:
        fields = getattr(kind, "model_fields", None)
        if fields is not None:
            table = kind
            field = next((f for name, f in fields.items() if part in (name, f.alias)), field)
            kind = _inside(field.annotation) if field is not None else kind
        elif get_origin(kind) is dict:
            kind, field = _inside(get_args(kind)[1]), None
        else:
            break  # inside a list, or a member of a union: the field is what the user can look up
    if getattr(kind, "model_fields", None) is not None:
        table = kind
    return table, field


def _inside(kind: Any) -> Any:  # noqa: ANN401 -- an annotation can be anything
    """Strip an annotation down to the type under an alias or an optional."""
    if isinstance(kind, TypeAliasType):
        return _inside(kind.__value__)
    if get_origin(kind) is types.UnionType:
        return _inside(next(a for a in get_args(kind) if a is not type(None)))
    return kind


def _plain(where: _Location) -> list[str]:
    """Keep the keys on the way to the first list."""
    keys: list[str] = []
    for part in where:
        if isinstance(part, int):
            break
        keys.append(part)
    return keys


def _table(where: _Location, path: Path) -> str:
    if not where:
        return "the top level"
    dotted = ".".join(map(str, where))
    return f"[{dotted}]" if path.suffix == ".toml" else show(dotted)


def _line(key: str, field: Any, path: Path) -> str:  # noqa: ANN401 -- FieldInfo, without importing pydantic
    value = show(field.examples[0])
    return f"{key} = {value}" if path.suffix == ".toml" else f"{show(key)}: {value}"
