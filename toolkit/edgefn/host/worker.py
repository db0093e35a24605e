"""Requests to one component, one after another, on a thread that can be left behind.

A guest that waits inside a host call cannot be interrupted, so wall time is enforced here too: when a call does not
come back in time the caller gets a breach, and the stuck thread is abandoned with its instance.
"""

import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from wasmtime.component import Linker

from edgefn.host.component import Loaded
from edgefn.host.frames import HostRequest
from edgefn.host.outcome import Breach, Outcome, Usage
from edgefn.host.sandbox import Sandbox
from edgefn.limits import Profile

__all__ = ["Worker"]

GRACE_MS = 250.0  # the epoch callback, more exact, goes first

type Reply = queue.SimpleQueue[Outcome | BaseException]


class Worker:
    """Calls from any thread, one at a time.

    `reuse` keeps an instance for the next request; otherwise each gets a fresh one.
    """

    def __init__(self, loaded: Loaded, profile: Profile, *, reuse: bool = False) -> None:
        self._loaded = loaded
        self._profile = profile
        self._reuse = reuse
        self._lock = threading.Lock()
        self._closed = False
        self._requests = self._start()

    def call(self, request: HostRequest) -> Outcome:
        """Run the handler on `request`.

        Raises HostError when the component cannot be started or breaks the frame format, ValueError after close.
        """
        with self._lock:
            if self._closed:
                raise ValueError("the worker is closed")
            reply: Reply = queue.SimpleQueue()
            self._requests.put((request, reply))
            wall_ms = self._profile.value("wall_ms")
            try:
                result = reply.get(timeout=None if wall_ms is None else (wall_ms + GRACE_MS) / 1e3)
            except queue.Empty:
                self._requests.put(None)  # should it ever come back, it ends
                self._requests = self._start()
                waited = (wall_ms or 0.0) + GRACE_MS
                breach = Breach(
                    "wall_ms", wall_ms or 0.0, waited, "the handler waits in a host call (sleep?) and was left behind"
                )
                return Outcome(503, (), b"", Usage(0.0, waited, 0.0, None), None, breach)
        if isinstance(result, BaseException):
            raise result
        return result

    def close(self) -> None:
        """End the thread; may be called again."""
        self._closed = True
        self._requests.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self) -> "queue.SimpleQueue[tuple[HostRequest, Reply] | None]":
        requests: queue.SimpleQueue[tuple[HostRequest, Reply] | None] = queue.SimpleQueue()
        serve = _Server(self._loaded, self._profile, reuse=self._reuse)
        threading.Thread(target=_loop, args=(requests, serve), name="edgefn-worker", daemon=True).start()
        return requests


def _loop(
    requests: "queue.SimpleQueue[tuple[HostRequest, Reply] | None]", serve: Callable[[HostRequest], Outcome]
) -> None:
    while (item := requests.get()) is not None:
        request, reply = item
        try:
            reply.put(serve(request))
        except BaseException as error:  # noqa: BLE001 -- raised again by the caller
            reply.put(error)


class _Server:
    """Lives on the worker's thread: its linker, and the instance that is kept."""

    def __init__(self, loaded: Loaded, profile: Profile, *, reuse: bool) -> None:
        self._loaded, self._profile, self._reuse = loaded, profile, reuse
        self._linker: Linker | None = None
        self._kept: Sandbox | None = None

    def __call__(self, request: HostRequest) -> Outcome:
        sandbox, self._kept = self._kept or self._fresh(), None
        try:
            outcome = sandbox.call(request)
            if self._reuse and sandbox.alive and outcome.breach is None:
                self._kept = sandbox
        finally:
            if self._kept is None:
                sandbox.close()
        return outcome

    def _fresh(self) -> Sandbox:
        if self._linker is None:
            self._linker = self._loaded.linker()
        return Sandbox(self._loaded, self._linker, self._profile)
