"""The text door of an instance, called without detours.

wasmtime's Python binding looks up a function's type and makes objects of values at every call; for one string in and
one out that takes as long as the rest. Beside edgefn.host.budget and edgefn.engine.call this is the only module that
reaches below the binding; wasmtime is pinned, and the tests of requests would notice.
"""

import ctypes
from typing import Any

from wasmtime import Store, WasmtimeError
from wasmtime import _ffi as ffi
from wasmtime.component import Func

__all__ = ["Door"]


class Door:
    """`func(frame: string) -> string`; the caller has checked that it is."""

    def __init__(self, store: Store, function: Func) -> None:
        self._store = store
        self._kept = function  # what byref points into
        self._function = ctypes.byref(function._func)
        self._sent = ffi.wasmtime_component_val_t()
        self._got = ffi.wasmtime_component_val_t()

    def __call__(self, frame: str) -> str:
        """Raises WasmtimeError when the guest traps or is stopped."""
        sent, got = self._sent, self._got
        sent.kind = ffi.WASMTIME_COMPONENT_STRING
        sent.of.string = ffi.str_to_capi(frame)
        try:
            error: Any = ffi.wasmtime_component_func_call(
                self._function, self._store._context(), ctypes.byref(sent), 1, ctypes.byref(got), 1
            )
            if error:
                raise WasmtimeError._from_ptr(error)
        finally:
            ffi.wasmtime_component_val_delete(ctypes.byref(sent))
        try:
            return ffi.to_str(got.of.string)
        finally:
            ffi.wasmtime_component_val_delete(ctypes.byref(got))
