"""The plan format (docs/spec/plan.md): its records, a writer, and a reader that refuses what is not allowed."""

import json
import struct
import zlib
from dataclasses import dataclass, field
from math import prod
from typing import Any, Literal

from edgefn.errors import ModelError
from edgefn.graph.opcodes import BY_CODE, DTYPES, OpCode
from edgefn.graph.rules import check_op

__all__ = ["ITEM_BYTES", "Plan", "PlanOp", "PlanTensor", "read_plan", "write_plan"]

MAGIC = b"EFNP"
VERSION = (1, 0)
HEADER_BYTES = 96
TENSOR_BYTES = 48
MAX_FILE_BYTES = 256 << 20
MAX_META_BYTES = 1 << 20
MAX_ARENA_BYTES = 1 << 30
MAX_RECORDS = 65_536
MAX_PORTS = 64
ITEM_BYTES = {"f32": 4, "i8": 1, "u8": 1, "i32": 4}

_HEADER = struct.Struct("<4sHH15I28s")
_TENSOR = struct.Struct("<BBBBII6IfiI")
_DTYPE_NAMES = {code: name for name, code in DTYPES.items()}


@dataclass(frozen=True, slots=True)
class PlanTensor:
    """One tensor record; `offset` counts from the start of the arena or of the weights."""

    dtype: str
    dims: tuple[int, ...]
    place: Literal["arena", "weights"]
    offset: int
    nbytes: int
    scale: float = 0.0
    zero_point: int = 0

    @property
    def size(self) -> int:
        return prod(self.dims)


@dataclass(frozen=True, slots=True)
class PlanOp:
    """One op: `values` in the order of `code.parameters`, `rest` the inputs of a concat."""

    code: OpCode
    values: tuple[int | float, ...]
    rest: tuple[int, ...] = ()

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 -- int or float, as the table of op codes says
        return next(v for p, v in zip(self.code.parameters, self.values, strict=True) if p.name == name)

    def __contains__(self, name: str) -> bool:
        return any(p.name == name for p in self.code.parameters)


@dataclass(frozen=True, slots=True)
class Plan:
    tensors: tuple[PlanTensor, ...]
    ops: tuple[PlanOp, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    weights: bytes
    arena_bytes: int
    meta: dict[str, Any] = field(default_factory=dict)


def write_plan(plan: Plan) -> bytes:
    """Bytes of a plan; equal plans give equal bytes."""
    tensors = b"".join(_tensor_bytes(t) for t in plan.tensors)
    ops = b"".join(_op_bytes(op) for op in plan.ops)
    io = struct.pack(f"<{len(plan.inputs) + len(plan.outputs)}I", *plan.inputs, *plan.outputs)
    meta = json.dumps(plan.meta, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    ops_at = HEADER_BYTES + len(tensors)
    io_at = ops_at + len(ops)
    meta_at = io_at + len(io)
    weights_at = -(-(meta_at + len(meta)) // 64) * 64
    total = weights_at + len(plan.weights)
    if total > MAX_FILE_BYTES:
        raise _refuse(f"the plan would have {total:,} bytes, at most {MAX_FILE_BYTES:,} are allowed")
    fields: tuple[int, ...] = (
        HEADER_BYTES,
        len(plan.tensors),
        ops_at,
        len(ops) // 4,
        len(plan.ops),
        io_at,
        len(plan.inputs),
    )
    fields += (len(plan.outputs), weights_at, len(plan.weights), meta_at, len(meta), plan.arena_bytes)
    body = (tensors + ops + io + meta).ljust(weights_at - HEADER_BYTES, b"\0") + plan.weights
    header = _HEADER.pack(MAGIC, *VERSION, total, 0, *fields, bytes(28))
    crc = zlib.crc32(header[16:] + body)
    return header[:12] + struct.pack("<I", crc) + header[16:] + body


def read_plan(data: bytes) -> Plan:
    """Read a plan, checking everything docs/spec/plan.md asks for.

    Raises ModelError EFN-M020 (not a plan, or another version), EFN-M021 (damaged) or EFN-M022 (breaks a rule of the
    format).
    """
    header = _read_header(data)
    at = dict(zip(_FIELDS, header, strict=True))
    _check_regions(at, len(data), data)
    tensors = tuple(_read_tensor(data, at["tensors"] + TENSOR_BYTES * i, at) for i in range(at["tensor_count"]))
    ops = _read_ops(data, at)
    ports = struct.unpack_from(f"<{at['input_count'] + at['output_count']}I", data, at["io"])
    inputs, outputs = ports[: at["input_count"]], ports[at["input_count"] :]
    _check_ports(tensors, inputs, outputs)
    for n, op in enumerate(ops):
        check_op(n, op, tensors, at["arena_bytes"])
    weights = data[at["weights"] : at["weights"] + at["weights_bytes"]]
    return Plan(tensors, ops, inputs, outputs, weights, at["arena_bytes"], _read_meta(data, at))


_FIELDS = (
    *("tensors", "tensor_count", "ops", "ops_words", "op_count", "io", "input_count", "output_count"),
    *("weights", "weights_bytes", "meta", "meta_bytes", "arena_bytes"),
)


def _refuse(message: str, code: str = "EFN-M022") -> ModelError:
    return ModelError(code, f"not a valid plan: {message}", hint="compile the model again: edgefn model compile")


def _read_header(data: bytes) -> tuple[int, ...]:
    if data[:4] != MAGIC:
        raise _refuse(f"it starts with {data[:4]!r}, not {MAGIC!r}", "EFN-M020")
    if len(data) < HEADER_BYTES:
        raise _refuse(f"it has {len(data)} bytes, less than a header", "EFN-M021")
    _, major, minor, *rest = struct.unpack_from("<4sHH15I", data)
    if major != VERSION[0] or minor > VERSION[1]:
        raise _refuse(f"version {major}.{minor} is not known, {VERSION[0]}.{VERSION[1]} is", "EFN-M020")
    size, crc, *fields = rest
    if size != len(data) or size > MAX_FILE_BYTES:
        raise _refuse(f"its header says {size:,} bytes, there are {len(data):,}", "EFN-M021")
    if zlib.crc32(data[16:]) != crc:
        raise _refuse("its checksum does not match: the file is damaged", "EFN-M021")
    if any(data[68:HEADER_BYTES]):
        raise _refuse("a reserved field of the header is not zero")
    return tuple(fields)


def _check_regions(at: dict[str, int], size: int, data: bytes) -> None:
    for name, limit in _LIMITS.items():
        low, high = limit
        if not low <= at[name] <= high:
            raise _refuse(f"{name} is {at[name]:,}, allowed is {low:,} to {high:,}")
    ports = at["input_count"] + at["output_count"]
    end = HEADER_BYTES
    for name, align, length in (
        ("tensors", 16, at["tensor_count"] * TENSOR_BYTES),
        ("ops", 4, at["ops_words"] * 4),
        ("io", 4, ports * 4),
        ("meta", 1, at["meta_bytes"]),
        ("weights", 64, at["weights_bytes"]),
    ):
        start = at[name]
        if start % align or start < end or start + length > size:
            raise _refuse(f"region {name} at {start:,} with {length:,} bytes is misplaced")
        if any(data[end:start]):
            raise _refuse(f"the gap before region {name} is not zero")
        end = start + length
    if any(data[end:]):
        raise _refuse("the bytes after the last region are not zero")


_LIMITS = {
    "tensor_count": (1, MAX_RECORDS),
    "op_count": (0, MAX_RECORDS),
    "input_count": (1, MAX_PORTS),
    "output_count": (1, MAX_PORTS),
    "meta_bytes": (2, MAX_META_BYTES),
    "arena_bytes": (0, MAX_ARENA_BYTES),
}


def _tensor_bytes(t: PlanTensor) -> bytes:
    dims = (*t.dims, *[0] * (6 - len(t.dims)))
    place = int(t.place == "weights")
    return _TENSOR.pack(DTYPES[t.dtype], len(t.dims), place, 0, t.offset, t.nbytes, *dims, t.scale, t.zero_point, 0)


def _read_tensor(data: bytes, start: int, at: dict[str, int]) -> PlanTensor:
    dtype, rank, place, zero, offset, nbytes, *rest = _TENSOR.unpack_from(data, start)
    dims, (scale, zero_point, last) = tuple(rest[:6]), rest[6:]
    where = f"tensor {(start - at['tensors']) // TENSOR_BYTES}"
    if dtype not in _DTYPE_NAMES or rank > 6 or place > 1 or zero or last:
        raise _refuse(f"{where} has an unknown dtype, rank, place or reserved field")
    if any(d < 1 for d in dims[:rank]) or any(dims[rank:]):
        raise _refuse(f"{where} has dims {dims} at rank {rank}")
    if not 0 <= scale < float("inf") or not -128 <= zero_point <= 255:
        raise _refuse(f"{where} has scale {scale} and zero point {zero_point}")
    tensor = PlanTensor(
        _DTYPE_NAMES[dtype], dims[:rank], "weights" if place else "arena", offset, nbytes, scale, zero_point
    )
    if not place and tensor.nbytes != tensor.size * ITEM_BYTES[tensor.dtype]:
        raise _refuse(f"{where} has {nbytes:,} bytes for dims {tensor.dims} of {tensor.dtype}")
    room = at["weights_bytes"] if place else at["arena_bytes"]
    if offset % 16 or offset + nbytes > room:
        raise _refuse(f"{where} at {offset:,} with {nbytes:,} bytes does not fit in {room:,} bytes of {tensor.place}")
    return tensor


def _op_bytes(op: PlanOp) -> bytes:
    kinds = "".join("f" if p.kind == "f32" else "i" if _signed(p.name) else "I" for p in op.code.parameters)
    words = struct.pack("<" + kinds, *op.values) + struct.pack(f"<{len(op.rest)}I", *op.rest)
    return struct.pack("<I", op.code.code | len(words) // 4 << 16) + words


def _signed(parameter: str) -> bool:
    return parameter in {"low", "high"} or parameter.endswith("_zero")


def _read_ops(data: bytes, at: dict[str, int]) -> tuple[PlanOp, ...]:
    words = memoryview(data)[at["ops"] : at["ops"] + at["ops_words"] * 4]
    ops, position = [], 0
    for n in range(at["op_count"]):
        if position + 4 > len(words):
            raise _refuse(f"the op stream ends before op {n}")
        (header,) = struct.unpack_from("<I", words, position)
        count = header >> 16
        body = words[position + 4 : position + 4 + count * 4]
        if len(body) != count * 4:
            raise _refuse(f"the op stream ends inside op {n}")
        ops.append(_read_op(n, header & 0xFFFF, body))
        position += 4 + count * 4
    if position != len(words):
        raise _refuse("the op stream goes on after the last op")
    return tuple(ops)


def _read_op(n: int, code: int, body: memoryview) -> PlanOp:
    if code not in BY_CODE:
        raise _refuse(f"op {n} has the unknown code {code}")
    op = BY_CODE[code]
    fixed, count = len(op.parameters), len(body) // 4
    if count < fixed or (count > fixed and op.name != "concat"):
        raise _refuse(f"op {n} ({op.name}) has {count} parameters, not {fixed}")
    kinds = "".join("f" if p.kind == "f32" else "i" if _signed(p.name) else "I" for p in op.parameters)
    values = struct.unpack_from("<" + kinds, body)
    return PlanOp(op, values, struct.unpack_from(f"<{count - fixed}I", body, fixed * 4))


def _check_ports(tensors: tuple[PlanTensor, ...], inputs: tuple[int, ...], outputs: tuple[int, ...]) -> None:
    for index in (*inputs, *outputs):
        if index >= len(tensors) or tensors[index].place != "arena":
            raise _refuse(f"input or output {index} is not a tensor in the arena")


def _read_meta(data: bytes, at: dict[str, int]) -> dict[str, Any]:
    try:
        meta = json.loads(data[at["meta"] : at["meta"] + at["meta_bytes"]].decode())
    except (ValueError, RecursionError) as error:
        raise _refuse(f"meta is not JSON: {error}") from None
    if not isinstance(meta, dict):
        raise _refuse("meta is not a JSON object")
    for side in ("inputs", "outputs"):
        ports = meta.get(side)
        count = at[f"{side[:-1]}_count"]
        if not isinstance(ports, list) or len(ports) != count or not all(map(_is_port, ports)):
            raise _refuse(f"meta.{side} does not describe {count} {side}")
    return meta


def _is_port(port: object) -> bool:
    return (
        isinstance(port, dict) and isinstance(port.get("name"), str) and port.get("layout", 0) in ("NCHW", "NHWC", None)
    )
