"""What a plan takes and gives, read from its tables (docs/spec/plan.md)."""

import json
import struct
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["OpenedPlan", "Port", "Signature", "read_signature"]

type Run = Callable[[tuple[memoryview, ...], tuple[memoryview, ...]], None]

DTYPES = {1: "float32", 2: "int8", 3: "uint8", 4: "int32"}


class Port(NamedTuple):
    """One input or output: `scale` 0 means that it is not quantized."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    scale: float
    zero_point: int
    nbytes: int


class OpenedPlan(NamedTuple):
    """A plan in an engine: `run(inputs, outputs)` reads and fills buffers of exactly the ports' sizes.

    `reset()` makes it forget what it keeps from one run to the next.
    """

    plan: bytes
    run: Run
    reset: Callable[[], None]


class Signature(NamedTuple):
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


def read_signature(plan: bytes) -> Signature:
    """Inputs and outputs of a plan that the engine has accepted."""
    tensors, _ = struct.unpack_from("<II", plan, 16)
    io, inputs, outputs = struct.unpack_from("<III", plan, 36)
    meta_offset, meta_bytes = struct.unpack_from("<II", plan, 56)
    meta = json.loads(plan[meta_offset : meta_offset + meta_bytes])
    names = [port["name"] for port in meta["inputs"] + meta["outputs"]]
    indices = struct.unpack_from(f"<{inputs + outputs}I", plan, io)
    ports = tuple(_port(plan, tensors + 48 * i, name) for i, name in zip(indices, names, strict=True))
    return Signature(ports[:inputs], ports[inputs:])


def _port(plan: bytes, at: int, name: str) -> Port:
    dtype, rank, _, _, _, nbytes = struct.unpack_from("<BBBBII", plan, at)
    dims = struct.unpack_from("<6I", plan, at + 12)
    scale, zero_point = struct.unpack_from("<fi", plan, at + 36)
    return Port(name, DTYPES[dtype], dims[:rank], scale, zero_point, nbytes)
