"""`edgefn dev`: a function behind an HTTP server on this machine, under a profile's limits."""

import asyncio
import itertools
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import uvicorn

from edgefn.errors import HostError, UsageError
from edgefn.host import MAX_BODY_BYTES, Failure, HostRequest, Loaded, Outcome, Sandbox, Usage, Worker
from edgefn.limits import Profile

__all__ = ["FunctionServer", "Served", "serve"]

type Message = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]

WORKERS = 2


@dataclass(frozen=True, slots=True)
class Served:
    """One line of the request log."""

    method: str
    url: str
    outcome: Outcome


class FunctionServer:
    """An ASGI application over a few workers; `log` hears of every request.

    Raises HostError at once when the component cannot be started under the profile.
    """

    def __init__(self, loaded: Loaded, profile: Profile, log: Callable[[Served], None], *, reuse: bool) -> None:
        Sandbox(loaded, loaded.linker(), profile).close()
        self._profile = profile
        self._log = log
        self._workers: asyncio.Queue[Worker] = asyncio.Queue()
        for worker in (Worker(loaded, profile, reuse=reuse) for _ in range(WORKERS)):
            self._workers.put_nowait(worker)
        self._ids = itertools.count(1)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            return
        url = scope["raw_path"].decode("latin-1") + (
            f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
        )
        refused = self._too_long(url, scope["headers"])
        body = None if refused else await self._body(receive)
        if body is None:
            await _respond(send, *(refused or (413, b"the request body is larger than this platform takes\n")), ())
            return
        headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in scope["headers"]]
        client = {"ip": scope["client"][0]} if scope.get("client") else {}
        request = HostRequest(scope["method"], url, headers, body, client, f"dev-{next(self._ids)}")
        outcome = await self._call(request)
        self._log(Served(request.method, url, outcome))
        await _respond(send, outcome.status, outcome.body or _explain(outcome), outcome.headers)

    async def _call(self, request: HostRequest) -> Outcome:
        worker = await self._workers.get()
        try:
            return await asyncio.to_thread(worker.call, request)
        except HostError as error:  # one request's trouble; the server lives on
            return Outcome(500, (), b"", Usage(0.0, 0.0, 0.0, None), Failure("host", error.code, error.message))
        finally:
            self._workers.put_nowait(worker)

    def _too_long(self, url: str, headers: list[tuple[bytes, bytes]]) -> tuple[int, bytes] | None:
        url_cap, header_cap = self._profile.value("url_bytes"), self._profile.value("header_bytes")
        if url_cap is not None and len(url) > url_cap:
            return 414, f"the URL has {len(url):,} bytes, this platform takes {url_cap:,.0f}\n".encode()
        size = sum(len(k) + len(v) + 4 for k, v in headers)
        if header_cap is not None and size > header_cap:
            return (
                431,
                f"the request's header fields have {size:,} bytes, this platform takes {header_cap:,.0f}\n".encode(),
            )
        return None

    async def _body(self, receive: Receive) -> bytes | None:
        """The whole body, or None when it is larger than the profile allows."""
        cap = min(self._profile.value("request_body_bytes") or MAX_BODY_BYTES, MAX_BODY_BYTES)
        chunks, size, more = [], 0, True
        while more:
            message = await receive()
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > cap:
                return None
            more = message.get("more_body", False)
        return b"".join(chunks)


def serve(server: FunctionServer, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until interrupted.

    `ready` is told the address. Raises UsageError (EFN-U020) when the port cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise UsageError(
                "EFN-U020",
                f"cannot listen on {host}:{port}: {error.strerror}",
                hint="choose another with: edgefn dev --port 0",
            ) from None
        listener.listen(128)  # whoever hears the address may connect at once
        shown = f"[{host}]" if ":" in host else host
        ready(f"http://{shown}:{listener.getsockname()[1]}")
        config = uvicorn.Config(server, log_level="warning", access_log=False, lifespan="off", server_header=False)
        uvicorn.Server(config).run(sockets=[listener])


def _explain(outcome: Outcome) -> bytes:
    """What a developer sees in place of a page: the platform would say less."""
    reason = outcome.breach or outcome.failure
    return f"{reason}\n".encode() if reason else b""


async def _respond(send: Send, status: int, body: bytes, headers: tuple[tuple[str, str], ...]) -> None:
    lines = [
        (k.encode("latin-1", "replace"), v.encode("latin-1", "replace"))
        for k, v in headers
        if k not in ("content-length", "transfer-encoding")
    ]
    if not any(k == b"content-type" for k, _ in lines):
        lines.append((b"content-type", b"text/plain; charset=utf-8"))
    lines.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})
