"""What a sample expects of a response."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgefn.project.written import show

if TYPE_CHECKING:
    from typing_extensions import TypeIs

__all__ = ["Expectation"]


@dataclass(frozen=True, slots=True)
class Expectation:
    """None, and an empty tuple, mean that nothing is expected there; without a status, any below 500 will do."""

    status: int | None = None
    json: object | None = None
    text: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    tolerance: float = 1e-6

    def mismatches(self, status: int, headers: tuple[tuple[str, str], ...], body: bytes) -> tuple[str, ...]:
        """List what differs, one line each; empty when the response is as expected.

        JSON is matched as a subset: keys that are not expected may be there; lists have equal length, numbers may
        differ by `tolerance`.
        """
        return (*self._status(status), *self._headers(headers), *self._text(body), *self._json(body))

    def _status(self, got: int) -> Iterator[str]:
        if self.status is None and got >= 500:
            yield f"status: expected below 500, got {got}"
        elif self.status not in (None, got):
            yield f"status: expected {self.status}, got {got}"

    def _headers(self, got: tuple[tuple[str, str], ...]) -> Iterator[str]:
        for name, value in self.headers:
            values = [v for n, v in got if n.lower() == name.lower()]
            if value not in values:
                yield f"header {name}: expected {show(value)}, got {', '.join(map(show, values)) or 'none'}"

    def _text(self, body: bytes) -> Iterator[str]:
        if self.text is not None and body != self.text.encode():
            yield f"body: expected {show(self.text)}, got {_shown(body)}"

    def _json(self, body: bytes) -> Iterator[str]:
        if self.json is None:
            return
        try:
            got = json.loads(body)
        except (ValueError, RecursionError):
            yield f"body: expected JSON, got {_shown(body)}"
            return
        yield from _differences("$", self.json, got, self.tolerance)


def _differences(where: str, expected: object, got: object, tolerance: float) -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(got, dict):
        for key, value in expected.items():
            inner = f"{where}.{key}" if key.isidentifier() else f"{where}[{show(key)}]"
            if key in got:
                yield from _differences(inner, value, got[key], tolerance)
            else:
                yield f"{inner}: expected {show(value)}, got nothing"
    elif isinstance(expected, list) and isinstance(got, list):
        if len(expected) != len(got):
            yield f"{where}: expected {len(expected)} elements, got {len(got)}"
            return
        for index, (one, other) in enumerate(zip(expected, got, strict=True)):
            yield from _differences(f"{where}[{index}]", one, other, tolerance)
    elif not _equal(expected, got, tolerance):
        yield f"{where}: expected {show(expected)}, got {show(got)}"


def _equal(expected: object, got: object, tolerance: float) -> bool:
    if _is_number(expected) and _is_number(got):
        try:
            return expected == got or abs(expected - got) <= tolerance
        except OverflowError:  # an integer beyond float's range
            return False
    return type(expected) is type(got) and expected == got


def _is_number(value: object) -> "TypeIs[int | float]":
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(body: bytes) -> str:
    return show(body[:400].decode(errors="backslashreplace")) if body else "an empty body"
