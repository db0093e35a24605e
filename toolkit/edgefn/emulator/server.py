"""`edgefn dev`: a function behind an HTTP server on this machine, under a profile's limits."""

import asyncio
import contextlib
import itertools
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass, replace
from typing import Any

import uvicorn

from edgefn.emulator.page import answered
from edgefn.errors import HostError, UsageError
from edgefn.host import MAX_BODY_BYTES, Breach, Failure, HostRequest, Loaded, Outcome, Sandbox, Usage, Worker, watch
from edgefn.host.watch import header_bytes
from edgefn.limits import Enforcement, Profile, loosened

__all__ = ["FunctionServer", "Served", "serve"]

type Message = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]

WORKERS = 8  # requests at a time: a handler that waits must not hold up the others
MAX_HEAD_BYTES = 256 << 10  # what the server reads before the platform's own limits are asked
STOP_SECONDS = 1
# The server's own, hop by hop (RFC 9110, 7.6.1) or about the connection.
NOT_SENT = frozenset(
    {
        *("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
        *("content-length", "date"),
    }
)
WITHOUT_CONTENT = frozenset({204, 304})
_NOTHING = Usage(0.0, 0.0, 0.0, None)


@dataclass(frozen=True, slots=True)
class Served:
    """One line of the request log; `warnings` are limits that the request went beyond and was not stopped at."""

    method: str
    url: str
    outcome: Outcome
    warnings: tuple[Breach, ...] = ()


class _Refused(Exception):
    """A request that the platform answers by itself, with the status and a reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class _Gone(Exception):
    """The client went away before its request was complete."""


class FunctionServer:
    """An ASGI application over a few workers; `log` hears of every request.

    Raises HostError at once when the component cannot be started under the profile.
    """

    def __init__(
        self,
        loaded: Loaded,
        published: Profile,
        log: Callable[[Served], None],
        *,
        reuse: bool,
        enforcement: Enforcement = Enforcement.ENFORCE,
    ) -> None:
        profile = published if enforcement is Enforcement.ENFORCE else loosened(published)
        Sandbox(loaded, loaded.linker(), profile).close()
        self._profile = profile
        self._watched = None if enforcement is Enforcement.OFF else published
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
        warnings: tuple[Breach, ...] = ()
        try:
            request = await self._request(scope, url, receive)
        except _Gone:
            return
        except _Refused as refusal:
            outcome = Outcome(refusal.status, (), f"{refusal}\n".encode(), _NOTHING)
        else:
            outcome = await self._call(request)
            if self._watched:
                warnings = (*(b for _, b in _excess(self._watched, request)), *watch(self._watched, outcome))
        with contextlib.suppress(OSError, ValueError):  # whoever read the log may be gone
            self._log(Served(scope["method"], url, outcome, warnings))
        await _respond(send, self._profile, outcome)

    async def _request(self, scope: Message, url: str, receive: Receive) -> HostRequest:
        headers = tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in scope["headers"])
        client = {"ip": scope["client"][0]} if scope.get("client") else {}
        head = HostRequest(scope["method"], url, headers, b"", client, f"dev-{next(self._ids)}")
        for status, breach in _excess(self._profile, head):
            raise _Refused(status, str(breach))
        return replace(head, body=await self._body(receive))

    async def _call(self, request: HostRequest) -> Outcome:
        worker = await self._workers.get()
        try:
            return await _aside(lambda: worker.call(request))
        except HostError as error:  # one request's trouble; the server lives on
            return Outcome(500, (), b"", _NOTHING, Failure("host", error.code, error.message))
        finally:
            self._workers.put_nowait(worker)

    async def _body(self, receive: Receive) -> bytes:
        cap = min(self._profile.value("request_body_bytes") or MAX_BODY_BYTES, MAX_BODY_BYTES)
        chunks, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Gone
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > cap:
                raise _Refused(413, f"the request's body has more than the {cap:,.0f} bytes that this platform takes")
            more = message.get("more_body", False)
        return b"".join(chunks)


def _excess(profile: Profile, request: HostRequest) -> Iterator[tuple[int, Breach]]:
    """What of a request is larger than the platform takes, and the status with which it would refuse that."""
    measured = (
        (414, "url_bytes", len(request.url), "the URL is too long"),
        (431, "header_bytes", header_bytes(request.headers), "the request's header fields are too large"),
        (413, "request_body_bytes", len(request.body), "the request's body is too large"),
    )
    for status, name, size, cause in measured:
        limit = profile.value(name)
        if limit is not None and size > limit:
            yield status, Breach(name, limit, size, cause)


async def _aside[T](call: Callable[[], T]) -> T:
    """Await `call` on a daemon thread: one of an executor would hold up Ctrl-C until a handler's loop ends."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(settle: Callable[[Any], None], value: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(lambda: None if done.done() else settle(value))

    def run() -> None:
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001 -- raised again where it is awaited
            tell(done.set_exception, error)
        else:
            tell(done.set_result, result)

    threading.Thread(target=run, name="edgefn-dev", daemon=True).start()
    return await done


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
        config = uvicorn.Config(
            server,
            http="h11",
            h11_max_incomplete_event_size=MAX_HEAD_BYTES,
            log_level="warning",
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        uvicorn.Server(config).run(sockets=[listener])


async def _respond(send: Send, profile: Profile, outcome: Outcome) -> None:
    headers, body = answered(profile, outcome)
    lines = [(k.encode("latin-1", "replace"), v.encode("latin-1", "replace")) for k, v in headers if k not in NOT_SENT]
    if outcome.status in WITHOUT_CONTENT:
        body = b""
    else:
        if not any(k == b"content-type" for k, _ in lines):
            lines.append((b"content-type", b"text/plain; charset=utf-8"))
        lines.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": outcome.status, "headers": lines})
    await send({"type": "http.response.body", "body": body})
