"""A clock that lets running guests be interrupted: it advances the epoch of its engine while a guest runs."""

import threading
import time
from types import TracebackType
from typing import Self

from wasmtime import Engine

__all__ = ["TICK_SECONDS", "Ticker"]

IDLE_TICKS = (
    50  # it goes on a little after the last guest: waking a thread for every request would cost more than ticking
)
TICK_SECONDS = 0.002  # a CPU limit is noticed at most one tick late: 50 ms stop at 50.5 to 52


class Ticker:
    """Use it as a context manager around guest calls, from any number of threads. With none inside it soon sleeps.

    The epoch advances only when some call has lasted a whole tick: a request of 100 µs is never interrupted, and
    being interrupted costs about as much as answering it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._started: dict[int, float] = {}
        self._awake = threading.Event()
        threading.Thread(target=self._run, name="edgefn-ticker", daemon=True).start()

    def __enter__(self) -> Self:
        self._started[threading.get_ident()] = time.monotonic()
        if not self._awake.is_set():
            self._awake.set()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        del self._started[threading.get_ident()]

    def _run(self) -> None:
        idle = 0
        while True:
            self._awake.wait()
            time.sleep(TICK_SECONDS)
            started = list(self._started.values())
            idle = 0 if started else idle + 1
            if started and time.monotonic() - min(started) >= TICK_SECONDS:
                self._engine.increment_epoch()
            if idle > IDLE_TICKS:
                self._sleep()

    def _sleep(self) -> None:
        self._awake.clear()
        if self._started:  # a call began between the look and the clearing
            self._awake.set()
