"""Heads of frames (docs/spec/frame.md)."""

import json
from typing import Any

from edgefn.guest.request import Request

__all__ = ["FrameError", "MAX_HEAD", "parse_head", "request_of"]

MAX_HEAD = 1 << 20


class FrameError(ValueError):
    """A frame that does not follow the specification."""


def parse_head(head: str) -> dict[str, Any]:
    """The head of a request, checked for shape. Raises FrameError."""
    if len(head) > MAX_HEAD:
        raise FrameError(f"head of {len(head)} characters, at most {MAX_HEAD} are allowed")
    try:
        parsed = json.loads(head)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"head is not JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise FrameError("head is not a JSON object")
    for key in ("id", "method", "url", "enc"):
        if not isinstance(parsed.get(key), str):
            raise FrameError(f"head has no string {key!r}")
    headers = parsed.get("headers")
    if not isinstance(headers, list) or not all(isinstance(h, list) and len(h) == 2 for h in headers):
        raise FrameError("'headers' is not a list of [name, value]")
    return parsed


def request_of(head: dict[str, Any], body: "bytes | str") -> Request:
    """The request that a parsed head and a decoded body describe."""
    return Request(head["method"], head["url"], head["headers"], body, id=head["id"], client=head.get("client"))
