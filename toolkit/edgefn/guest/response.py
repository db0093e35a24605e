"""What a handler returns."""

import json
from collections.abc import Iterable, Mapping

__all__ = ["Response"]


class Response:
    """An HTTP response.

    `headers` is a mapping or an iterable of pairs. Raises ValueError for a status outside 200 to 599, TypeError for a
    body that is neither bytes nor str.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(
        self,
        body: "bytes | bytearray | memoryview | str" = b"",
        status: int = 200,
        headers: "Mapping[str, str] | Iterable[tuple[str, str]]" = (),
    ) -> None:
        if type(status) is not int or not 200 <= status <= 599:
            raise ValueError(f"status {status!r} is not an integer from 200 to 599")
        if isinstance(body, bytearray | memoryview):
            body = bytes(body)
        elif not isinstance(body, str | bytes):
            raise TypeError(f"a body is bytes or str, not {type(body).__name__}")
        self.body: bytes | str = body
        self.status = status
        self.headers = [
            (str(k).lower(), str(v)) for k, v in (headers.items() if isinstance(headers, Mapping) else headers)
        ]

    @classmethod
    def json(
        cls, value: object, status: int = 200, headers: "Mapping[str, str] | Iterable[tuple[str, str]]" = ()
    ) -> "Response":
        """`value` as JSON."""
        response = cls(json.dumps(value), status, headers)
        response.headers.append(("content-type", "application/json"))
        return response

    @classmethod
    def text(
        cls, value: str, status: int = 200, headers: "Mapping[str, str] | Iterable[tuple[str, str]]" = ()
    ) -> "Response":
        """`value` as UTF-8 text."""
        response = cls(value, status, headers)
        response.headers.append(("content-type", "text/plain; charset=utf-8"))
        return response
