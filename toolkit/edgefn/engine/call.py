"""Calls into a core module without conversions.

wasmtime's Python binding makes an object of every parameter: a call with four integers costs 40 µs, a small model 2.
Here a call writes its numbers into place and reads the result from there: 2 µs. Beside edgefn.host.budget this is the
only module that reaches below the binding; wasmtime is pinned, and tests/engine/test_call.py holds what is used.
"""

import ctypes
from typing import Any

from wasmtime import Func, Store, Trap, WasmtimeError
from wasmtime import _ffi as ffi

__all__ = ["Call"]


class Call:
    """An exported function whose parameters are i32 and f32 and whose result, if any, is i32.

    Called with as many ints and floats as it has parameters, it returns the result as an unsigned number, or 0. Raises
    Trap when the module traps.
    """

    def __init__(self, store: Store, function: Func) -> None:
        kind = function.type(store)
        self._store = store
        self._function = ctypes.byref(function._func)
        self._kept = function  # what byref points into
        self._parameters = len(kind.params)
        self._returns = bool(kind.results)
        self._values = (ffi.wasmtime_val_raw * max(self._parameters, len(kind.results), 1))()

    def __call__(self, *arguments: float) -> int:
        if len(arguments) != self._parameters:
            raise TypeError(f"{self._parameters} arguments wanted, {len(arguments)} given")
        values = self._values
        for place, argument in zip(values, arguments, strict=False):
            if isinstance(argument, float):
                place.f32 = argument
            else:
                place.i32 = argument
        trap: Any = ctypes.POINTER(ffi.wasm_trap_t)()
        error: Any = ffi.wasmtime_func_call_unchecked(
            self._store._context(), self._function, values, len(values), ctypes.byref(trap)
        )
        if error:
            raise WasmtimeError._from_ptr(error)
        if trap:
            raise Trap._from_ptr(trap)
        return values[0].i32 & 0xFFFFFFFF if self._returns else 0
