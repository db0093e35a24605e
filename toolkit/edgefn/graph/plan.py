"""The plan format (docs/spec/plan.md): a writer, and a reader that refuses what is not allowed."""

import json
import struct
from math import prod
from typing import Any

from edgefn.graph.header import HEADER_BYTES, TENSOR_BYTES, Header, read_header, refused, seal
from edgefn.graph.opcode import OpCode
from edgefn.graph.ops import BY_CODE
from edgefn.graph.records import DTYPES, Plan, PlanOp, PlanTensor
from edgefn.graph.view import check_op

__all__ = ["read_plan", "write_plan"]

MAX_ELEMENTS = 1 << 30

_TENSOR = struct.Struct("<BBBBII6IfiI")
_DTYPE_NAMES = {code: name for name, code in DTYPES.items()}


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
    header = Header(
        tensors=HEADER_BYTES,
        tensor_count=len(plan.tensors),
        ops=ops_at,
        ops_words=len(ops) // 4,
        op_count=len(plan.ops),
        io=io_at,
        input_count=len(plan.inputs),
        output_count=len(plan.outputs),
        weights=weights_at,
        weights_bytes=len(plan.weights),
        meta=meta_at,
        meta_bytes=len(meta),
        arena_bytes=plan.arena_bytes,
        state_bytes=plan.state_bytes,
        state_offset=plan.state_offset,
    )
    return seal(header, (tensors + ops + io + meta).ljust(weights_at - HEADER_BYTES, b"\0") + plan.weights)


def read_plan(data: bytes) -> Plan:
    """Read a plan, checking everything docs/spec/plan.md asks for.

    Raises ModelError EFN-M020 (not a plan, or another version), EFN-M021 (damaged) or EFN-M022 (breaks a rule of the
    format).
    """
    header = read_header(data)
    tensors = tuple(_read_tensor(data, i, header) for i in range(header.tensor_count))
    ops = _read_ops(data, header)
    ports = struct.unpack_from(f"<{header.input_count + header.output_count}I", data, header.io)
    inputs, outputs = ports[: header.input_count], ports[header.input_count :]
    _check_ports(tensors, ports)
    weights = data[header.weights : header.weights + header.weights_bytes]
    plan = Plan(
        tensors=tensors,
        ops=ops,
        inputs=inputs,
        outputs=outputs,
        weights=weights,
        arena_bytes=header.arena_bytes,
        state_bytes=header.state_bytes,
        state_offset=header.state_offset,
        meta=_read_meta(data, header),
    )
    for n, op in enumerate(ops):
        check_op(n, op, plan)
    return plan


def _tensor_bytes(t: PlanTensor) -> bytes:
    dims = (*t.dims, *[0] * (6 - len(t.dims)))
    place = int(t.place == "weights")
    return _TENSOR.pack(DTYPES[t.dtype], len(t.dims), place, 0, t.offset, t.nbytes, *dims, t.scale, t.zero_point, 0)


def _read_tensor(data: bytes, index: int, header: Header) -> PlanTensor:
    record = _TENSOR.unpack_from(data, header.tensors + TENSOR_BYTES * index)
    dtype, rank, place, zero, offset, nbytes, *rest = record
    dims, (scale, zero_point, last) = tuple(rest[:6]), rest[6:]
    where = f"tensor {index}"
    if dtype not in _DTYPE_NAMES or rank > 6 or place > 1 or zero or last:
        raise refused(f"{where} has an unknown dtype, rank, place or reserved field")
    if any(d < 1 for d in dims[:rank]) or any(dims[rank:]) or prod(dims[:rank]) > MAX_ELEMENTS:
        raise refused(f"{where} has dims {dims} at rank {rank}")
    if not 0 <= scale < float("inf") or not -128 <= zero_point <= 255:
        raise refused(f"{where} has scale {scale} and zero point {zero_point}")
    tensor = PlanTensor(
        _DTYPE_NAMES[dtype], dims[:rank], "weights" if place else "arena", offset, nbytes, scale, zero_point
    )
    if not place and not tensor.whole:
        raise refused(f"{where} has {nbytes:,} bytes for dims {tensor.dims} of {tensor.dtype}")
    room = header.weights_bytes if place else header.arena_bytes
    if offset % 16 or offset + nbytes > room:
        raise refused(f"{where} at {offset:,} with {nbytes:,} bytes does not fit in {room:,} bytes of {tensor.place}")
    return tensor


def _op_bytes(op: PlanOp) -> bytes:
    words = struct.pack(_layout(op.code), *op.values) + struct.pack(f"<{len(op.rest)}I", *op.rest)
    return struct.pack("<I", op.code.code | len(words) // 4 << 16) + words


def _layout(code: OpCode) -> str:
    """The parameters of an op as `struct` has them."""
    return "<" + "".join(p.kind.format for p in code.parameters)


def _read_ops(data: bytes, header: Header) -> tuple[PlanOp, ...]:
    words = memoryview(data)[header.ops : header.ops + header.ops_words * 4]
    ops, position = [], 0
    for n in range(header.op_count):
        if position + 4 > len(words):
            raise refused(f"the op stream ends before op {n}")
        (head,) = struct.unpack_from("<I", words, position)
        count = head >> 16
        body = words[position + 4 : position + 4 + count * 4]
        if len(body) != count * 4:
            raise refused(f"the op stream ends inside op {n}")
        ops.append(_read_op(n, head & 0xFFFF, body))
        position += 4 + count * 4
    if position != len(words):
        raise refused("the op stream goes on after the last op")
    return tuple(ops)


def _read_op(n: int, code: int, body: memoryview) -> PlanOp:
    if code not in BY_CODE:
        raise refused(f"op {n} has the unknown code {code}")
    op = BY_CODE[code]
    fixed, count = len(op.parameters), len(body) // 4
    if count < fixed or (count > fixed and not op.variadic):
        raise refused(f"op {n} ({op.name}) has {count} parameters, not {fixed}")
    values = struct.unpack_from(_layout(op), body)
    return PlanOp(op, values, struct.unpack_from(f"<{count - fixed}I", body, fixed * 4))


def _check_ports(tensors: tuple[PlanTensor, ...], ports: tuple[int, ...]) -> None:
    for index in ports:
        if index >= len(tensors) or tensors[index].place != "arena":
            raise refused(f"input or output {index} is not a tensor in the arena")


def _read_meta(data: bytes, header: Header) -> dict[str, Any]:
    try:
        meta = json.loads(data[header.meta : header.meta + header.meta_bytes].decode())
    except (ValueError, RecursionError) as error:
        raise refused(f"meta is not JSON: {error}") from None
    if not isinstance(meta, dict):
        raise refused("meta is not a JSON object")
    for side, count in (("inputs", header.input_count), ("outputs", header.output_count)):
        ports = meta.get(side)
        if not isinstance(ports, list) or len(ports) != count or not all(map(_is_port, ports)):
            raise refused(f"meta.{side} does not describe {count} {side}")
    return meta


def _is_port(port: object) -> bool:
    return (
        isinstance(port, dict)
        and isinstance(port.get("name"), str)
        and port.get("layout", 0) in ("NCHW", "NHWC", None)
        and isinstance(port.get("dtype", ""), str)
        and _are_strings(port.get("labels", []))
    )


def _are_strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) for v in value)
