"""The text door: `func(frame: string) -> string`."""

import binascii
import json

from edgefn.guest.frame import FrameError, parse_head, request_of
from edgefn.guest.shim import Shim

__all__ = ["answer"]


def answer(shim: Shim, frame: str) -> str:
    """The response frame to a request frame; never raises."""
    try:
        line, _, body = frame.partition("\n")
        head = parse_head(line)
        request = request_of(head, _decode(head["enc"], body))
    except FrameError as error:
        answered, content = shim.failure(error, "bad-frame")
    else:
        answered, content = shim.answer(request)
    answered["enc"], text = _encode(content)
    return f"{json.dumps(answered)}\n{text}"


def _decode(enc: str, body: str) -> "bytes | str":
    if enc == "text":
        return body
    if enc != "base64":
        raise FrameError(f"unknown enc {enc!r}: the text door takes text and base64")
    try:
        return binascii.a2b_base64(body, strict_mode=True)
    except ValueError as error:
        raise FrameError(f"body is not base64: {error}") from None


def _encode(content: "bytes | str") -> tuple[str, str]:
    if isinstance(content, str):
        return "text", content
    try:
        return "text", content.decode()
    except UnicodeDecodeError:
        return "base64", binascii.b2a_base64(content, newline=False).decode("ascii")
