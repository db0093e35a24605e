"""Frames on the host's side (docs/spec/frame.md), through the text door."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import pybase64

from edgefn.errors import HostError
from edgefn.guest.frame import MAX_FRAME, MAX_HEAD
from edgefn.guest.response import MAX_BODY_BYTES, verify_field, verify_status
from edgefn.host.outcome import Failure, FailureFrame
from edgefn.project import Sample

__all__ = ["MAX_BODY_BYTES", "Answer", "HostRequest", "decode", "encode"]


@dataclass(frozen=True, slots=True)
class HostRequest:
    """A request on its way to a guest."""

    method: str = "GET"
    url: str = "/"
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    client: Mapping[str, str] = field(default_factory=dict)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @classmethod
    def of(cls, sample: Sample) -> Self:
        """The request that a sample describes."""
        request = sample.request
        return cls(request.method, request.url, request.headers, request.body)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    memory: int | None
    failure: Failure | None


def encode(request: HostRequest) -> str:
    """A request as a frame. Raises HostError (EFN-H011) when it is larger than a frame may be."""
    if len(request.body) > MAX_BODY_BYTES:
        raise _too_large(f"a request body of {len(request.body):,} bytes, at most {MAX_BODY_BYTES:,} fit into a frame")
    enc, body = _body(request.body)
    head = {
        "id": request.id,
        "method": request.method,
        "url": request.url,
        "headers": list(request.headers),
        "client": dict(request.client),
        "enc": enc,
    }
    line = json.dumps(head)
    if len(line) > MAX_HEAD:
        raise _too_large(f"a request head of {len(line):,} characters, at most {MAX_HEAD:,} fit into a frame")
    return f"{line}\n{body}"


def decode(frame: str) -> Answer:
    """An answer from a frame.

    Raises HostError (EFN-H010) when the guest broke the format, which a hostile component may do.
    """
    try:
        return _answer(frame)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise HostError(
            "EFN-H010",
            f"the component answered with something that is no frame: {error!r:.500}",
            hint="rebuild it with: edgefn build",
        ) from None


def _answer(frame: str) -> Answer:
    if len(frame) > MAX_FRAME:
        raise ValueError(f"{len(frame):,} characters, at most {MAX_FRAME:,} are allowed")
    line, _, text = frame.partition("\n")
    if len(line) > MAX_HEAD:
        raise ValueError(f"a head of {len(line):,} characters, at most {MAX_HEAD:,} are allowed")
    head: dict[str, Any] = json.loads(line)
    status, memory = head["status"], head.get("memory")
    verify_status(status)
    headers = tuple((name, value) for name, value in head["headers"])
    for name, value in headers:
        verify_field(name, value)
    body = text.encode() if head["enc"] == "text" else pybase64.b64decode(text, validate=True)
    failure = _failure(head["failure"]) if "failure" in head else None
    return Answer(status, headers, body, memory if isinstance(memory, int) else None, failure)


def _too_large(message: str) -> HostError:
    return HostError("EFN-H011", message, hint="send less: a handler should not need so much at once")


def _body(body: bytes) -> tuple[str, str]:
    if b"\0" not in body:
        try:
            return "text", body.decode()
        except UnicodeDecodeError:
            pass
    return "base64", pybase64.b64encode_as_string(body)


def _failure(said: dict[str, Any]) -> Failure:
    frames = tuple(
        FailureFrame(str(f["file"]), int(f["line"]), str(f["function"]), int(f.get("times", 1))) for f in said["frames"]
    )
    return Failure(str(said["kind"]), str(said["type"]), str(said["message"]), frames)
