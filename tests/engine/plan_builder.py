"""A plan put together by hand from docs/spec/plan.md, independent of the compiler: records, ops, ports, weights."""

import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

DTYPES = {"float32": 1, "int8": 2, "uint8": 3, "int32": 4}


def _pad(data: bytes, to: int) -> bytes:
    return data + bytes(-len(data) % to)


def word(value) -> int:
    """One parameter word: floats as f32 bits, integers modulo 2^32."""
    if isinstance(value, float | np.floating):
        return struct.unpack("<I", struct.pack("<f", value))[0]
    return int(value) % 2**32


@dataclass
class PlanBuilder:
    records: list[bytes] = field(default_factory=list)
    ops: list[tuple[int, ...]] = field(default_factory=list)
    weights: bytes = b""
    arena: int = 0
    first: bytes = b""  # content of the state

    def tensor(self, dtype: str, dims: Sequence[int], *, at: int | None = None) -> int:
        """An arena tensor: a new place, or one given by `at`."""
        size = int(np.prod(dims, dtype=np.int64)) * np.dtype(dtype).itemsize
        offset = self.reserve(size) if at is None else at
        return self._record(dtype, dims, 0, offset, size)

    def state(self, first: np.ndarray) -> int:
        """A tensor that is kept between runs; states come before all other tensors."""
        assert self.arena == len(self.first)
        self.first += _pad(first.tobytes(), 16)
        return self.tensor(first.dtype.name, first.shape)

    def constant(self, array: np.ndarray, dims: Sequence[int] | None = None) -> int:
        """A tensor in the weights region, holding `array` as it lies."""
        self.weights = _pad(self.weights, 16)
        offset, data = len(self.weights), np.ascontiguousarray(array).tobytes()
        self.weights += data
        return self._record(array.dtype.name, array.shape if dims is None else dims, 1, offset, len(data))

    def reserve(self, size: int) -> int:
        offset = self.arena
        self.arena = -(-(offset + size) // 16) * 16
        return offset

    def op(self, code: int, *parameters) -> None:
        self.ops.append((code | len(parameters) << 16, *map(word, parameters)))

    def build(self, inputs: Sequence[int], outputs: Sequence[int], meta: bytes | None = None) -> bytes:
        meta = ports_of(len(inputs), len(outputs)) if meta is None else meta
        first_at = len(_pad(self.weights, 16)) if self.first else 0
        weights = _pad(self.weights, 16) + self.first if self.first else self.weights
        words = [w for op in self.ops for w in op]
        tensors, stream = b"".join(self.records), struct.pack(f"<{len(words)}I", *words)
        io = struct.pack(f"<{len(inputs) + len(outputs)}I", *inputs, *outputs)
        body = b"".join((tensors, stream, io, meta))
        ops_at, io_at = 96 + len(tensors), 96 + len(tensors) + len(stream)
        body = body + bytes(-(96 + len(body)) % 64)
        fields = (96, len(self.records), ops_at, len(words), len(self.ops), io_at, len(inputs), len(outputs))
        tail = struct.pack("<8I", *fields) + struct.pack(
            "<7I20x", 96 + len(body), len(weights), io_at + len(io), len(meta), self.arena, len(self.first), first_at
        )
        rest = tail + body + weights
        return struct.pack("<4sHHII", b"EFNP", 3, 0, 16 + len(rest), zlib.crc32(rest)) + rest

    def last(self, dtype: str, dims: Sequence[int]) -> int:
        """An arena tensor that ends where the arena ends, at a multiple of 64, but for rounding its offset to 16."""
        size = int(np.prod(dims, dtype=np.int64)) * np.dtype(dtype).itemsize
        end = -(-(self.arena + size + 16) // 64) * 64
        index = self._record(dtype, dims, 0, (end - size) // 16 * 16, size)
        self.arena = end
        return index

    def _record(self, dtype: str, dims: Sequence[int], place: int, offset: int, size: int) -> int:
        padded = (*dims, *(0,) * (6 - len(dims)))
        self.records.append(
            struct.pack("<BBBBII6IfiI", DTYPES[dtype], len(dims), place, 0, offset, size, *padded, 0.0, 0, 0)
        )
        return len(self.records) - 1


def ports_of(inputs: int, outputs: int) -> bytes:
    """Meta that names as many ports."""
    named = {"inputs": [{"name": f"x{i}", "layout": None} for i in range(inputs)]}
    return json.dumps({**named, "outputs": [{"name": f"y{i}", "layout": None} for i in range(outputs)]}).encode()
