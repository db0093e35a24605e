"""A clock that lets running guests be interrupted: it advances the epoch of its engine while a guest runs."""

import threading
from types import TracebackType
from typing import Self

from wasmtime import Engine

__all__ = ["TICK_SECONDS", "Ticker"]

TICK_SECONDS = 0.002  # a CPU limit is noticed at most one tick late: 50 ms stop at 50.5 to 52


class Ticker:
    """Use it as a context manager around guest calls; any number of threads may be inside at once, and with none inside it sleeps."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._inside = 0
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        threading.Thread(target=self._run, name="edgefn-ticker", daemon=True).start()

    def __enter__(self) -> Self:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._wanted.set()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._wanted.clear()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            self._wanted.wait()
            pause.wait(TICK_SECONDS)
            self._engine.increment_epoch()
