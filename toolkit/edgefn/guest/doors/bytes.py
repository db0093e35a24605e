"""The bytes door: `func(frame: list<u8>) -> list<u8>`."""

from edgefn.guest.frame import FrameError, check_length, parse_head, request_of, write_head
from edgefn.guest.shim import Shim

__all__ = ["answer"]


def answer(shim: Shim, frame: bytes) -> bytes:
    """The response frame to a request frame; never raises."""
    try:
        check_length(frame)
        line, _, body = frame.partition(b"\n")
        head, _ = parse_head(_utf8(line) + "\n")
        request = request_of(head, _decode(head["enc"], body))
    except FrameError as error:
        answered = shim.failure(error, "bad-frame")
    else:
        answered = shim.answer(request)
    content, enc = (answered.body.encode(), "text") if isinstance(answered.body, str) else (answered.body, "raw")
    return write_head(answered.status, answered.headers, answered.memory, enc, answered.failure).encode() + content


def _decode(enc: str, body: bytes) -> bytes:
    if enc not in ("raw", "text"):
        raise FrameError(f"unknown enc {enc!r}: the bytes door takes raw and text")
    return body


def _utf8(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise FrameError(f"head is not UTF-8: {error}") from None
