"""Frames on the host's side (docs/spec/frame.md), through the text door."""

import base64
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edgefn.errors import HostError
from edgefn.host.outcome import Failure, FailureFrame

__all__ = ["Answer", "HostRequest", "decode", "encode"]


@dataclass(frozen=True, slots=True)
class HostRequest:
    """A request on its way to a guest."""

    method: str = "GET"
    url: str = "/"
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    client: Mapping[str, str] = field(default_factory=dict)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    memory: int | None
    failure: Failure | None


def encode(request: HostRequest) -> str:
    """A request as a frame."""
    enc, body = _body(request.body)
    head = {
        "id": request.id,
        "method": request.method,
        "url": request.url,
        "headers": list(request.headers),
        "client": dict(request.client),
        "enc": enc,
    }
    return f"{json.dumps(head)}\n{body}"


def decode(frame: str) -> Answer:
    """An answer from a frame.

    Raises HostError (EFN-H010) when the guest broke the format, which a hostile component may do.
    """
    line, _, text = frame.partition("\n")
    try:
        head: dict[str, Any] = json.loads(line)
        body = text.encode() if head["enc"] == "text" else base64.b64decode(text, validate=True)
        headers = tuple((str(k), str(v)) for k, v in head["headers"])
        status, memory = int(head["status"]), head.get("memory")
        failure = _failure(head["failure"]) if "failure" in head else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise HostError(
            "EFN-H010",
            f"the component answered with something that is no frame: {error!r}",
            hint="rebuild it with: edgefn build",
        ) from None
    if not 200 <= status <= 599:
        raise HostError(
            "EFN-H010", f"the component answered with status {status}", hint="rebuild it with: edgefn build"
        )
    return Answer(status, headers, body, memory if isinstance(memory, int) else None, failure)


def _body(body: bytes) -> tuple[str, str]:
    if b"\0" not in body:
        try:
            return "text", body.decode()
        except UnicodeDecodeError:
            pass
    return "base64", base64.b64encode(body).decode("ascii")


def _failure(said: dict[str, Any]) -> Failure:
    frames = tuple(FailureFrame(str(f["file"]), int(f["line"]), str(f["function"])) for f in said["frames"])
    return Failure(str(said["kind"]), str(said["type"]), str(said["message"]), frames)
