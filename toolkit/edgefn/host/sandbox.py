"""One instance of a component under limits."""

import time
from types import TracebackType
from typing import Self

from wasmtime import Store, Trap, WasiConfig, WasmtimeError
from wasmtime.component import Linker

from edgefn.errors import HostError
from edgefn.host.budget import Budget, Spent
from edgefn.host.capture import Capture
from edgefn.host.component import Loaded
from edgefn.host.door import Door
from edgefn.host.frames import Answer, HostRequest, decode, encode
from edgefn.host.outcome import Breach, Failure, Outcome, Usage
from edgefn.host.watch import header_bytes
from edgefn.limits import Profile

__all__ = ["Sandbox"]

NEAR_CAP_BYTES = 1 << 20  # within this of the cap, a failure is the cap's doing whatever Python made of it


class Sandbox:
    """No network, no files, no environment; memory, CPU and wall time as the profile says.

    Keep it on the thread that made it.

    A trap ends it: `alive` is False then, and a new one is needed.
    """

    def __init__(self, loaded: Loaded, linker: Linker, profile: Profile) -> None:
        self._loaded = loaded
        self._profile = profile
        self._memory_cap = int(profile.value("memory_bytes") or 0)
        self._stdout, self._stderr = Capture(), Capture()
        started = time.thread_time()
        self._store = Store(loaded.runtime.engine)
        self._limit()
        self._budget = Budget(self._store, profile.value("cpu_ms"), profile.value("wall_ms"))
        self._memory = 0  # after the last call; it never shrinks
        try:
            self._door = self._instantiate(linker)
        except HostError:
            self._store.close()
            raise
        self._start_ms = (time.thread_time() - started) * 1e3
        self.alive = True

    def call(self, request: HostRequest) -> Outcome:
        """Run the handler on `request`.

        Raises HostError when the component breaks the frame format, ValueError after close.
        """
        if not self.alive:
            raise ValueError("the sandbox is closed")
        frame = encode(request)
        start_ms, self._start_ms = self._start_ms, 0.0
        self._budget.start()
        try:
            with self._loaded.runtime.ticker:
                answered = self._door(frame)
        except (Trap, WasmtimeError) as error:
            spent = self._budget.spent()
            self.alive = False
            return self._stopped(error, spent, start_ms)
        spent = self._budget.spent()
        try:
            answer = decode(answered)
        except HostError:
            self.alive = False  # a guest that breaks the format once is not asked again
            raise
        return self._answered(answer, spent, start_ms)

    def close(self) -> None:
        """Free the instance; may be called again."""
        self.alive = False
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _limit(self) -> None:
        if self._memory_cap:
            self._store.set_limits(memory_size=self._memory_cap)
        wasi = WasiConfig()
        wasi.stdout_custom = self._stdout.write
        wasi.stderr_custom = self._stderr.write
        self._store.set_wasi(wasi)

    def _instantiate(self, linker: Linker) -> Door:
        self._budget.start()
        try:
            instance = linker.instantiate(self._store, self._loaded.component)
        except WasmtimeError as error:
            raise _not_started(error, self._memory_cap) from None
        door = instance.get_func(self._store, "text")
        if door is None:
            raise TypeError("a component was loaded that has no text door")  # load_component saw to it
        return Door(self._store, door)

    def _answered(self, answer: Answer, spent: Spent, start_ms: float) -> Outcome:
        usage = Usage(spent.cpu_ms, spent.wall_ms, start_ms, answer.memory)
        # A call that is shorter than the ticker's step was never interrupted: its limits are looked at here.
        self._budget.exceeded = self._budget.excess(spent)
        breach = self._time_breach(spent) or self._memory_breach(answer) or self._header_breach(answer)
        self._memory = answer.memory or self._memory
        if breach is not None:
            return Outcome(503, (), b"", usage, None, breach, *self._printed())
        return Outcome(answer.status, answer.headers, answer.body, usage, answer.failure, None, *self._printed())

    def _printed(self) -> tuple[str, str, int]:
        total = self._stdout.total + self._stderr.total
        return self._stdout.take(), self._stderr.take(), total

    def _header_breach(self, answer: Answer) -> Breach | None:
        limit, measured = self._profile.value("response_header_bytes"), header_bytes(answer.headers)
        if limit is None or measured <= limit:
            return None
        return Breach("response_header_bytes", limit, measured, "the response's header fields are too large")

    def _memory_breach(self, answer: Answer) -> Breach | None:
        """What Python makes of a full memory is a MemoryError, or something odder when it just grew to the cap."""
        if answer.failure is None or not self._memory_cap:
            return None
        peak = answer.memory or 0
        full = peak >= self._memory_cap - NEAR_CAP_BYTES and peak > self._memory
        if answer.failure.type != "MemoryError" and not full:
            return None
        where = answer.failure.frames[-1] if answer.failure.frames else None
        at = f" at {where}" if where else ""
        return Breach("memory_bytes", self._memory_cap, peak, f"an allocation{at} did not fit beside what was in use")

    def _stopped(self, error: Exception, spent: Spent, start_ms: float) -> Outcome:
        usage = Usage(spent.cpu_ms, spent.wall_ms, start_ms, None)
        breach = self._time_breach(spent)
        failure = None if breach else _trap(error)
        return Outcome(503 if breach else 500, (), b"", usage, failure, breach, *self._printed())

    def _time_breach(self, spent: Spent) -> Breach | None:
        if self._budget.exceeded is None:
            return None
        limit = self._profile.value(self._budget.exceeded) or 0.0
        if self._budget.exceeded == "cpu_ms":
            return Breach(
                "cpu_ms", limit, round(spent.cpu_ms, 2), "the handler computed too long; see where with: edgefn bench"
            )
        return Breach("wall_ms", limit, round(spent.wall_ms, 2), "the handler waited or computed too long")


def _trap(error: Exception) -> Failure:
    text = str(error)
    if "call stack exhausted" in text:
        return Failure(
            "trap",
            "StackOverflow",
            "the Wasm stack is exhausted: recursion through C code, such as repr of a deeply nested list",
        )
    if "exit" in text.lower() and "status" in text.lower():
        return Failure("trap", "Exit", "the handler ended the process (os._exit)")
    if "libc.so!getaddrinfo" in text:
        return Failure("trap", "NoNetwork", "the handler looked up a network address, and there is no network")
    reason = text.rstrip().rpartition("\n")[2].strip()  # the innermost cause comes last
    return Failure("trap", "Trap", reason or "trap")


def _not_started(error: WasmtimeError, cap: int) -> HostError:
    text = str(error)
    if "memory" in text and ("limit" in text or "minimum size" in text):
        return HostError(
            "EFN-H005",
            f"the component's memory does not fit into {cap:,} bytes: {text.splitlines()[-1].strip()}",
            hint="make the function smaller, or raise memory_mb where [limits] has one",
        )
    return HostError(
        "EFN-H006",
        f"the component cannot be started: {text.splitlines()[0]}",
        hint="rebuild it with: edgefn build",
        detail=text,
    )
