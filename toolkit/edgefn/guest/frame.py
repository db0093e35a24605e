"""Heads of frames (docs/spec/frame.md)."""

import json
from typing import Any

from edgefn.guest.request import Request

__all__ = ["MAX_FRAME", "MAX_HEAD", "FrameError", "check_length", "parse_head", "request_of", "write_head"]

MAX_HEAD = 1 << 20
MAX_FRAME = 64 << 20
_KEYS = (("id", str), ("method", str), ("url", str), ("enc", str), ("headers", list))
_scan = json.JSONDecoder().raw_decode  # stops at the end of the head, so that a body is never copied to be cut off


class FrameError(ValueError):
    """A frame that does not follow the specification."""


def check_length(frame: "str | bytes") -> None:
    """Raise FrameError when `frame` is longer than any frame may be."""
    if len(frame) > MAX_FRAME:
        raise FrameError(f"frame of {len(frame):,}, at most {MAX_FRAME:,} are allowed")


def parse_head(frame: str) -> tuple[dict[str, Any], int]:
    """The head of a request frame, and where its body starts. Raises FrameError.

    Checks what a later step would trip over; that headers are pairs of strings is the host's promise (a check of each
    costs as much as parsing).
    """
    check_length(frame)
    try:
        head, end = _scan(frame)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"head is not JSON: {str(error)[:200]}") from None
    if end > MAX_HEAD:
        raise FrameError(f"head of {end} characters, at most {MAX_HEAD} are allowed")
    if frame[end : end + 1] != "\n":
        raise FrameError("no newline after the head")
    if not isinstance(head, dict):
        raise FrameError("head is not a JSON object")
    for key, kind in _KEYS:
        if not isinstance(head.get(key), kind):
            raise FrameError(f"head has no {kind.__name__} {key!r}")
    return head, end + 1


def write_head(
    status: int, headers: "list[tuple[str, str]]", memory: int, enc: str, failure: "dict[str, Any] | None" = None
) -> str:
    """The head of a response frame, with its newline.

    Put together by hand: the encoder is asked only for what may need escapes, which is most of a warm request's time
    otherwise.
    """
    fields = json.dumps(headers) if headers else "[]"
    told = f', "failure": {json.dumps(failure)}' if failure else ""
    return f'{{"status": {status:d}, "headers": {fields}, "memory": {memory:d}, "enc": "{enc}"{told}}}\n'


def request_of(head: dict[str, Any], body: "bytes | str") -> Request:
    """The request that a parsed head and a decoded body describe."""
    return Request(head["method"], head["url"], head["headers"], body, id=head["id"], client=head.get("client"))
