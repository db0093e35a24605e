"""The engine with nothing behind its arena: what reads or writes past it traps."""

import ctypes
from functools import cache

from wasmtime import Config, Engine, Instance, Module, Store

from edgefn.engine.library import module_path

PAGE = 65536


@cache
def _module() -> tuple[Engine, Module]:
    engine = Engine(Config())
    return engine, Module(engine, module_path("simd128").read_bytes())


class Cornered:
    """`plan` opened, its arena against the end of memory (up to rounding to 64)."""

    def __init__(self, plan: bytes) -> None:
        engine, module = _module()
        self.store = Store(engine)
        self.exports = Instance(self.store, module, []).exports(self.store)
        self.plan, self.start = plan, self.call("efn_heap")
        self.grow_to(self.start + len(plan))
        self.write(self.start, plan)
        self.status = self.call("efn_open_at", self.start, len(plan))

    def run(self, mode: int) -> None:
        """All ops; holds that the plan's bytes stay as they were."""
        size = self.call("efn_arena_bytes")
        if size > 64 << 20:
            return
        self.grow_to(self.start + len(self.plan) + size + 64)
        arena = (self.exports["memory"].data_len(self.store) - size) // 64 * 64
        ops = int.from_bytes(self.plan[32:36], "little")
        assert self.call("efn_run_at", arena, 0, ops, mode) == 0
        assert bytes(self.exports["memory"].read(self.store, self.start, self.start + len(self.plan))) == self.plan

    def call(self, name: str, *arguments: int) -> int:
        return self.exports[name](self.store, *arguments)

    def grow_to(self, end: int) -> None:
        memory = self.exports["memory"]
        missing = end - memory.data_len(self.store)
        if missing > 0:
            memory.grow(self.store, -(-missing // PAGE))

    def write(self, at: int, data: bytes) -> None:
        base = ctypes.addressof(self.exports["memory"].data_ptr(self.store).contents)
        ctypes.memmove(base + at, data, len(data))
