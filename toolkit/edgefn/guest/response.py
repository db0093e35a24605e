"""What a handler returns."""

import json
import re
from collections.abc import Iterable, Mapping

__all__ = ["MAX_BODY_BYTES", "Response", "verified", "verify_field", "verify_status"]

MAX_BODY_BYTES = 47 << 20  # in base64, with a head of 1 MiB, still a frame (docs/spec/frame.md)
MAX_FIELDS = 128 << 10  # what platforms take of request headers, and far below a head's bound
NO_BODY = (204, 205, 304)  # RFC 9110: never followed by content
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch  # a token (RFC 9110)
_VALUE = re.compile(r"[\t -~\x80-\xff]*").fullmatch  # one line; fields are Latin-1 on every platform

type HeaderFields = "Mapping[str, str] | Iterable[tuple[str, str]]"


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
        headers: HeaderFields = (),
    ) -> None:
        self.body: bytes | str = bytes(body) if isinstance(body, bytearray | memoryview) else body
        self.status = status
        self.headers = [
            (str(k).lower(), str(v)) for k, v in (headers.items() if isinstance(headers, Mapping) else headers)
        ]
        verify_status(self.status)
        _verify_type(self.body)

    @classmethod
    def json(cls, value: object, status: int = 200, headers: HeaderFields = ()) -> "Response":
        """`value` as JSON. Raises ValueError for a float that JSON does not have (nan, inf)."""
        return cls(json.dumps(value, allow_nan=False), status, headers)._typed("application/json")

    @classmethod
    def text(cls, value: str, status: int = 200, headers: HeaderFields = ()) -> "Response":
        """`value` as UTF-8 text."""
        return cls(value, status, headers)._typed("text/plain; charset=utf-8")

    def _typed(self, kind: str) -> "Response":
        if all(name != "content-type" for name, _ in self.headers):
            self.headers.append(("content-type", kind))
        return self


def verified(response: object) -> Response:
    """`response`, when every platform can send it; looked at as it leaves, since it may be changed after it was made.

    Raises TypeError or ValueError that says what cannot be sent.
    """
    if not isinstance(response, Response):
        kind = type(response).__name__
        hint = ": write it with def, not async def" if kind == "coroutine" else ""
        raise TypeError(f"handle() returned {kind}, a Response is wanted{hint}")
    verify_status(response.status)
    _verify_body(response.body, response.status)
    size = 0
    for name, value in response.headers:
        verify_field(name, value)
        size += len(name) + len(value)
    if size > MAX_FIELDS:
        raise ValueError(f"header fields of {size:,} characters, at most {MAX_FIELDS:,} can be sent")
    return response


def verify_status(status: object) -> None:
    """Raise ValueError unless `status` is one that a response may have."""
    if type(status) is not int or not 200 <= status <= 599:
        raise ValueError(f"status {status!r} is not an integer from 200 to 599")


def _verify_type(body: object) -> None:
    if not isinstance(body, str | bytes):
        raise TypeError(f"a body is bytes or str, not {type(body).__name__}")


def _verify_body(body: "bytes | str", status: int) -> None:
    _verify_type(body)
    if body and status in NO_BODY:
        raise ValueError(f"a response of status {status} has no body, this one has {len(body):,}")
    size = len(body) if isinstance(body, bytes) or body.isascii() else len(body.encode())  # half a surrogate pair fails
    if size > MAX_BODY_BYTES:
        raise ValueError(f"a body of {size:,} bytes, at most {MAX_BODY_BYTES:,} can be sent")


def verify_field(name: object, value: object) -> None:
    """Raise TypeError or ValueError unless name and value are a header field that every platform can send."""
    if not isinstance(name, str) or not isinstance(value, str):
        raise TypeError(f"header {name!r}: {value!r} is not a pair of str")
    if not _NAME(name):
        raise ValueError(f"header name {name!r} is not a token: letters, digits and dashes")
    if not _VALUE(value):
        raise ValueError(f"header {name} has the value {value[:100]!r}: one line of Latin-1 characters is wanted")
