"""CPU and wall time of one guest call, limited from the epoch callback.

wasmtime calls back on the thread that runs the guest, so that thread's CPU clock is the guest's (facts measured: a
limit of 50 ms stopped at 51.4,
four contending guests at 50.5 to 51.7). wasmtime's Python binding does not wrap the callback: this is the only module
that reaches below it.
"""

import ctypes
import time
from dataclasses import dataclass
from typing import Any

from wasmtime import Store, WasmtimeError
from wasmtime import _ffi as ffi

__all__ = ["Budget", "Spent"]

_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_size_t,
    ctypes.POINTER(ffi.wasmtime_context_t),
    ctypes.c_void_p,
    ctypes.POINTER(ctypes.c_uint64),
    ctypes.POINTER(ffi.wasmtime_update_deadline_kind_t),
)
_NO_FINALIZER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)()


@dataclass(frozen=True, slots=True)
class Spent:
    cpu_ms: float
    wall_ms: float


class Budget:
    """Limits for the calls into one store, in milliseconds; None is no limit.

    `exceeded` names the limit that stopped the last call.
    """

    def __init__(self, store: Store, cpu_ms: float | None, wall_ms: float | None) -> None:
        self._cpu_ms = cpu_ms
        self._wall_ms = wall_ms
        self._cpu_start = self._wall_start = 0.0
        self.exceeded: str | None = None
        self._callback = _CALLBACK(self._check)  # has to live as long as the store
        ffi.wasmtime_store_epoch_deadline_callback(store.ptr(), self._callback, None, _NO_FINALIZER)
        store.set_epoch_deadline(1)

    def start(self) -> None:
        """Begin to count, on the thread that will run the guest."""
        self.exceeded = None
        self._cpu_start, self._wall_start = time.thread_time(), time.perf_counter()

    def spent(self) -> Spent:
        """What has been used since `start`; to be called on the same thread."""
        return Spent((time.thread_time() - self._cpu_start) * 1e3, (time.perf_counter() - self._wall_start) * 1e3)

    def excess(self, spent: Spent) -> str | None:
        """The limit that `spent` is above, the CPU's first."""
        if self._cpu_ms is not None and spent.cpu_ms > self._cpu_ms:
            return "cpu_ms"
        if self._wall_ms is not None and spent.wall_ms > self._wall_ms:
            return "wall_ms"
        return None

    def _check(self, context: Any, data: Any, delta: Any, kind: Any) -> int:  # noqa: ANN401 -- C's callback
        """Let the guest go on (0), or stop it (the address of an error).

        Whatever is raised here would leave an address of chance for wasmtime to free, and Ctrl-C is raised anywhere.
        """
        try:
            self.exceeded = self.excess(self.spent())
            if self.exceeded is None:
                delta[0], kind[0] = 1, 0
                return 0
            reason = f"{self.exceeded} exceeded"
        except BaseException as error:  # noqa: BLE001 -- see above
            reason = f"interrupted by {type(error).__name__}"
        return ctypes.cast(WasmtimeError(f"edgefn: {reason}")._consume(), ctypes.c_void_p).value or 0
