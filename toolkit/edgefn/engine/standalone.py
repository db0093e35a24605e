"""Run plans natively: engine.wasm, driven through wasmtime by plain memory copies."""

import ctypes
import json
import struct
from collections.abc import Buffer, Sequence
from functools import cache, cached_property
from types import TracebackType
from typing import Self

from wasmtime import Config, Engine, Func, Instance, Memory, Module, Store, WasmtimeError

from edgefn.engine.binary import PAGE
from edgefn.engine.call import Call
from edgefn.engine.library import module_path
from edgefn.engine.linker import OpTable
from edgefn.errors import ModelError
from edgefn.guest.signature import MAX_BATCH

__all__ = ["Runner"]

FOREVER = 1 << 62  # epochs
RECORD = "<xBBxIII32x"  # rank, place, offset, bytes and first dimension of a tensor record
FUNCTIONS = (
    *("efn_affine_at", "efn_arena_bytes", "efn_fault", "efn_heap", "efn_open_at", "efn_ops_at", "efn_ops_bytes"),
    *("efn_reset_at", "efn_run_at", "efn_status_at"),
)
BAD_TENSOR, BAD_OP = 7, 9  # statuses of include/edgefn.h: efn_fault() is a tensor's index; from BAD_OP on, an op's


@cache
def _module(flavour: str, epochs: bool) -> tuple[Engine, Module]:
    config = Config()
    config.epoch_interruption = epochs
    config.wasm_relaxed_simd = True
    engine = Engine(config)
    return engine, Module(engine, module_path(flavour).read_bytes())


class Runner:
    """One open plan in one instance of the engine; use it from one thread. It keeps the plan's state.

    `epochs` compiles the engine with the deadline checks that an edge host adds, to measure what a platform would see.
    Raises ModelError (EFN-M030) when the plan is refused, BuildError when the engine is not built.
    """

    def __init__(self, plan: Buffer, flavour: str = "simd128", *, epochs: bool = False) -> None:
        engine, module = _module(flavour, epochs)
        self._store: Store | None = Store(engine)
        if epochs:
            self._store.set_epoch_deadline(FOREVER)
        self._instance = Instance(self._store, module, [])
        self._memory = self._export("memory", Memory)
        self._calls = {name: Call(self._store, self._export(name, Func)) for name in FUNCTIONS}
        self._open(_raw(plan))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the instance's memory back, once. Every other method raises ValueError afterwards."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def run(self, inputs: Sequence[Buffer], *, reference: bool = False) -> list[bytes]:
        """Return the output tensors for these input tensors, all as raw little-endian bytes.

        The inputs may hold several items, up to `batch`, as the outputs then do. `reference` uses the scalar
        implementation. Raises ModelError when the number or a size of the inputs is wrong.
        """
        raw = [_raw(data) for data in inputs]
        items = self._items(raw)
        outputs = [self._run_one([_part(data, i, items) for data in raw], reference) for i in range(items)]
        return [b"".join(parts) for parts in zip(*outputs, strict=True)]

    def _run_one(self, inputs: Sequence[Buffer], reference: bool) -> list[bytes]:
        self.write(inputs)
        self._run_ops(0, self.op_count, reference)
        return [self.tensor(index) for index in self.outputs]

    def _items(self, inputs: Sequence[bytes]) -> int:
        """How many items the inputs hold, if all hold as many and the plan can be given them."""
        sizes = [self._spans[index][1] for index in self.inputs]
        items = len(inputs[0]) // sizes[0] if inputs else 1
        alike = [len(data) for data in inputs] == [items * size for size in sizes]
        return items if alike and 1 < items <= self.batch else 1

    @cached_property
    def batch(self) -> int:
        """How many items the plan, which is for one, can be given at once; 1 where it cannot (edgefn.graph.batch)."""
        try:
            meta = json.loads(self._meta)
        except (ValueError, RecursionError):
            return 1
        batch = meta.get("batch") if isinstance(meta, dict) else None
        return batch if isinstance(batch, int) and 1 < batch <= MAX_BATCH and self._is_of_one_item else 1

    def reset(self) -> None:
        """Let the model forget what it keeps between runs."""
        self._check(self._call("efn_reset_at", self._arena))

    def write(self, inputs: Sequence[Buffer]) -> None:
        """Put the input tensors in place, for one run op by op or as a whole. Raises ModelError as `run` does."""
        if len(inputs) != len(self.inputs):
            raise _refused(f"the model takes {len(self.inputs)} inputs, not {len(inputs)}")
        for number, (index, data) in enumerate(zip(self.inputs, map(_raw, inputs), strict=True)):
            address, size = self._spans[index]
            if len(data) != size:
                raise _refused(f"input {number} holds {len(data)} bytes, the model's has {size}")
            self._write(address, data)

    def run_all(self) -> None:
        """Run every op on what the arena holds now: inference alone, after a `write`. It may write over the inputs."""
        self._run_ops(0, self.op_count, reference=False)

    def run_op(self, index: int, *, reference: bool = False) -> None:
        """Run one op on what the arena holds now: for profiles and for comparing layers."""
        self._run_ops(index, 1, reference)

    def run_nothing(self, index: int) -> None:
        """Call the engine as `run_op` does, and run no op: what a call costs beside its op."""
        self._run_ops(index, 0, reference=False)

    def tensor(self, index: int) -> bytes:
        """Read a tensor's bytes as they are now; a later op may have re-used the place of one that is no output."""
        return self._read(*self._spans[index])

    def affine(self, source: Buffer, scale: float, offset: float, *, signed: bool) -> bytes:
        """Return the f32 bytes of `source * scale + offset`, from u8 or i8; uses memory behind the arena."""
        data = _raw(source)
        to = _aligned(self._end + len(data))
        self._reserve(to + 4 * len(data))
        self._write(self._end, data)
        self._call("efn_affine_at", self._end, to, len(data), float(scale), float(offset), int(signed))
        return self._read(to, 4 * len(data))

    def op_table(self) -> OpTable:
        """The engine's own table of ops, for linking only some of them."""
        address = self._call("efn_ops_at")
        return OpTable(address, self._read(address, self._call("efn_ops_bytes")))

    @property
    def memory_bytes(self) -> int:
        """Size of the instance's linear memory."""
        return int(self._memory.data_len(self._live))

    @property
    def _live(self) -> Store:
        if self._store is None:
            raise ValueError("this Runner is closed")
        return self._store

    def _open(self, plan: bytes) -> None:
        self.heap = start = self._call("efn_heap")
        self._reserve(start + len(plan))
        self._write(start, plan)
        self._check(self._call("efn_open_at", start, len(plan)))
        tensors, count, _, _, self.op_count, io, inputs, outputs, weights = struct.unpack_from("<9I", plan, 16)
        indices = struct.unpack_from(f"<{inputs + outputs}I", plan, io)
        self.inputs, self.outputs = indices[:inputs], indices[inputs:]
        meta, meta_bytes = struct.unpack_from("<2I", plan, 56)
        self._meta = plan[meta : meta + meta_bytes]
        self._arena = _aligned(start + len(plan))
        bases = (self._arena, start + weights)
        records = list(struct.iter_unpack(RECORD, plan[tensors : tensors + struct.calcsize(RECORD) * count]))
        self._spans = [(bases[place] + offset, size) for _, place, offset, size, _ in records]
        (state_bytes,) = struct.unpack_from("<I", plan, 68)
        ones = all(records[index][0] and records[index][-1] == 1 for index in indices)
        self._is_of_one_item = state_bytes == 0 and ones
        self._end = _aligned(self._arena + self._call("efn_arena_bytes"))
        self._reserve(self._end)
        self.reset()

    def _run_ops(self, first: int, count: int, reference: bool) -> None:
        self._check(self._call("efn_run_at", self._arena, first, count, int(reference)))

    def _check(self, status: int) -> None:
        if status == 0:
            return
        text = ctypes.string_at(self._address + self._call("efn_status_at", status)).decode()
        fault = self._call("efn_fault")
        where = f"op {fault}: " if status >= BAD_OP else f"tensor {fault}: " if status == BAD_TENSOR else ""
        raise _refused(f"the engine refuses the plan: {where}{text} (status {status})")

    def _call(self, name: str, *arguments: float) -> int:
        if self._store is None:
            raise ValueError("this Runner is closed")
        return self._calls[name](*arguments)

    def _export[Kind: (Func, Memory)](self, name: str, kind: type[Kind]) -> Kind:
        found = self._instance.exports(self._live)[name]
        if not isinstance(found, kind):
            raise TypeError(f"engine.wasm exports no {kind.__name__} {name}")
        return found

    @property
    def _address(self) -> int:
        """Of the linear memory, in this process; growing moves it."""
        return ctypes.addressof(self._memory.data_ptr(self._live).contents)

    def _write(self, at: int, data: bytes) -> None:
        if at + len(data) > self.memory_bytes:
            raise IndexError(f"{len(data)} bytes at {at} are outside the engine's memory")
        ctypes.memmove(self._address + at, data, len(data))

    def _read(self, at: int, size: int) -> bytes:
        if at + size > self.memory_bytes:
            raise IndexError(f"{size} bytes at {at} are outside the engine's memory")
        return ctypes.string_at(self._address + at, size)

    def _reserve(self, end: int) -> None:
        missing = end - self.memory_bytes
        if missing > 0:
            try:
                self._memory.grow(self._live, -(-missing // PAGE))
            except WasmtimeError:
                raise _refused(f"the model needs {end:,} bytes of memory, which the engine cannot have") from None


def _part(data: bytes, item: int, items: int) -> bytes:
    """The bytes of one item."""
    size = len(data) // items
    return data[item * size : (item + 1) * size]


def _raw(data: Buffer) -> bytes:
    return data if isinstance(data, bytes) else memoryview(data).tobytes()  # bytes() would read a 0-d array as a length


def _aligned(address: int) -> int:
    return -(-address // 64) * 64


def _refused(message: str) -> ModelError:
    return ModelError("EFN-M030", message, hint="compile the model again: edgefn model compile MODEL")
