"""The bytes door: `func(frame: list<u8>) -> list<u8>`."""

import json

from edgefn.guest.frame import FrameError, parse_head, request_of
from edgefn.guest.shim import Shim

__all__ = ["answer"]


def answer(shim: Shim, frame: bytes) -> bytes:
    """The response frame to a request frame; never raises."""
    try:
        line, _, body = frame.partition(b"\n")
        head = parse_head(_utf8(line))
        if head["enc"] not in ("raw", "text"):
            raise FrameError(f"unknown enc {head['enc']!r}: the bytes door takes raw and text")
        request = request_of(head, body)
    except FrameError as error:
        answered, content = shim.failure(error, "bad-frame")
    else:
        answered, content = shim.answer(request)
    answered["enc"] = "text" if isinstance(content, str) else "raw"
    return json.dumps(answered).encode() + b"\n" + (content.encode() if isinstance(content, str) else content)


def _utf8(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise FrameError(f"head is not UTF-8: {error}") from None
