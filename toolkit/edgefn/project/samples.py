"""Samples: requests with what is expected of the response, in samples/*.json."""

import base64
import binascii
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgefn.errors import ConfigError
from edgefn.guest.response import MAX_BODY_BYTES, verify_field
from edgefn.project.expectation import Expectation
from edgefn.project.function import Function
from edgefn.project.written import nearest, read_bytes, read_text, show, validate

if TYPE_CHECKING:
    from edgefn.project.schema import ExpectTable, RequestTable

__all__ = ["Sample", "SampleRequest", "demand_samples", "load_samples"]

MAX_SAMPLE_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """Header names are in lower case."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Sample:
    name: str
    path: Path
    request: SampleRequest
    expect: Expectation


def load_samples(function: Function, names: tuple[str, ...] = ()) -> tuple[Sample, ...]:
    """Read the function's samples, sorted by name, or those of `names` in the order given.

    Raises ConfigError: EFN-C002 and EFN-C004 to EFN-C006 as for edgefn.toml, EFN-C010 for an unknown name, EFN-C011
    for what is not JSON, EFN-C012 for a body, EFN-C013 for a header.
    """
    folder = function.folder / "samples"
    found = {path.stem: path for path in sorted(folder.glob("*.json"), key=lambda p: p.stem)}
    for name in names:
        if name not in found:
            raise _unknown(name, folder, list(found))
    return tuple(_load(found[name]) for name in names or found)


def demand_samples(function: Function, names: tuple[str, ...] = ()) -> tuple[Sample, ...]:
    """Samples as `load_samples` reads them, at least one. Raises ConfigError (EFN-C020) when there is none."""
    samples = load_samples(function, names)
    if not samples:
        hint = "add samples/hello.json with a request and what you expect of the response"
        raise ConfigError("EFN-C020", f"{function.folder} has no samples", hint=hint)
    return samples


def _unknown(name: str, folder: Path, valid: list[str]) -> ConfigError:
    match = nearest(name, valid)
    known = ", ".join(valid) or "none"
    hint = f"did you mean {match}? (there are: {known})" if match else f"create {name}.json there (there are: {known})"
    return ConfigError("EFN-C010", f"no sample {show(name)} in {folder}", hint=hint)


def _load(path: Path) -> Sample:
    from edgefn.project.schema import SampleFile  # noqa: PLC0415 -- pydantic is slow to import

    written = validate(SampleFile, _parse(path), path)
    return Sample(path.stem, path, _request(written.request, path), _expectation(written.expect, path))


def _parse(path: Path) -> object:
    text = read_text(path, MAX_SAMPLE_BYTES)
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ConfigError("EFN-C011", f"{path} is not JSON: {error}", hint="correct that place in the file") from None


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not a JSON number")


def _request(table: "RequestTable", path: Path) -> SampleRequest:
    return SampleRequest(table.method, table.url, _headers(table.headers, "request", path), _body(table, path))


def _expectation(table: "ExpectTable", path: Path) -> Expectation:
    if "json_" in table.model_fields_set and table.json_ is None:
        message = f'{path}: json in "expect" is null, which would expect nothing'
        raise ConfigError("EFN-C005", message, hint='to expect null, write: "text": "null"')
    if table.text is not None:
        _encoded(table.text, "text", path)
    return Expectation(table.status, table.json_, table.text, _headers(table.headers, "expect", path), table.tolerance)


def _headers(pairs: list[list[str]], table: str, path: Path) -> tuple[tuple[str, str], ...]:
    for name, value in pairs:
        try:
            verify_field(name, value)
        except ValueError as error:
            message = f'{path}: header {show([name, value])} in "{table}": {error}'
            raise ConfigError("EFN-C013", message, hint='write for example: ["content-type", "text/plain"]') from None
    return tuple((name.lower(), value) for name, value in pairs)


def _body(table: "RequestTable", path: Path) -> bytes:
    written = [key for key in ("body", "body_base64", "body_file") if getattr(table, key) is not None]
    if len(written) > 1:
        message = f'{path}: "request" has {" and ".join(written)}: expected one of them'
        raise ConfigError("EFN-C012", message, hint=f"remove {written[1]}")
    if table.body_file is not None:
        return _file(table.body_file, path)
    if table.body_base64 is not None:
        return _base64(table.body_base64, path)
    return _encoded(table.body or "", "body", path)


def _encoded(text: str, key: str, path: Path) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        message = f"{path}: {key} has half of a surrogate pair at character {error.start}: expected text"
        raise ConfigError("EFN-C012", message, hint=f"correct the \\u escape in {key}") from None


def _base64(text: str, path: Path) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        message = f'{path}: body_base64 in "request" is {show(text)}: expected base64: {error}'
        raise ConfigError("EFN-C012", message, hint="encode the body with: base64 -w0 FILE") from None


def _file(written: str, path: Path) -> bytes:
    folder = path.parent.resolve()
    try:
        body = (folder / written).resolve()
    except (OSError, ValueError, RuntimeError):  # NUL in the name, a loop of links
        body = folder
    if not body.is_relative_to(folder):
        message = f'{path}: body_file in "request" is {show(written)}: expected a file inside {folder}'
        raise ConfigError("EFN-C012", message, hint="copy the file into samples/ and name it there")
    try:
        there = body.is_file()
    except OSError:  # a name too long
        there = False
    if not there:
        message = f'{path}: body_file in "request" is {show(written)}, but there is no file {body}'
        raise ConfigError("EFN-C012", message, hint=f"create {show(written)} in samples/, or correct body_file")
    return read_bytes(body, MAX_BODY_BYTES)
