"""The text door: `func(frame: string) -> string`."""

from edgefn.guest import base64
from edgefn.guest.frame import FrameError, parse_head, request_of, write_head
from edgefn.guest.shim import Shim

__all__ = ["answer"]


def answer(shim: Shim, frame: str) -> str:
    """The response frame to a request frame; never raises."""
    try:
        head, start = parse_head(frame)
        request = request_of(head, _decode(head["enc"], frame[start:]))
    except FrameError as error:
        answered = shim.failure(error, "bad-frame")
    else:
        answered = shim.answer(request)
    enc, text = _encode(answered.body)
    return write_head(answered.status, answered.headers, answered.memory, enc, answered.failure) + text


def _decode(enc: str, body: str) -> "bytes | str":
    if enc == "text":
        return body
    if enc != "base64":
        raise FrameError(f"unknown enc {enc!r}: the text door takes text and base64")
    try:
        return base64.decode(body)
    except ValueError as error:
        raise FrameError(f"body is not base64: {error}") from None


def _encode(content: "bytes | str") -> tuple[str, str]:
    if isinstance(content, str):
        if "\0" not in content:
            return "text", content
        content = content.encode()
    elif b"\0" not in content:
        try:
            return "text", content.decode()
        except UnicodeDecodeError:
            pass
    return "base64", base64.encode(content)
