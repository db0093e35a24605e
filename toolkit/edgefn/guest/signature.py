"""What a plan takes and gives, read from its tables (docs/spec/plan.md)."""

import json
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["MAX_BATCH", "OpenedPlan", "Port", "Signature", "read_signature"]

type Run = Callable[[tuple[memoryview, ...], tuple[memoryview, ...]], None]

MAX_BATCH = 1024  # items that a plan for one can be given at once
DTYPES = {1: "float32", 2: "int8", 3: "uint8", 4: "int32"}


class Port(NamedTuple):
    """One input or output: `scale` 0 means that it is not quantized.

    `labels` are the model's words for what an int32 output counts, or for the places of the last dimension of scores.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    scale: float
    zero_point: int
    nbytes: int
    labels: tuple[str, ...] = ()


class OpenedPlan(NamedTuple):
    """A plan in an engine: `run(inputs, outputs)` reads and fills buffers of exactly the ports' sizes.

    `reset()` makes it forget what it keeps from one run to the next.
    """

    plan: bytes
    run: Run
    reset: Callable[[], None]


class Signature(NamedTuple):
    """`batch` is how many items the plan, which is for one, can be given at once; 1 where it cannot."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    batch: int


def read_signature(plan: bytes) -> Signature:
    """Inputs and outputs of a plan that the engine has accepted. Raises ValueError for a batch that cannot be."""
    tensors, _ = struct.unpack_from("<II", plan, 16)
    io, inputs, outputs = struct.unpack_from("<III", plan, 36)
    meta_offset, meta_bytes = struct.unpack_from("<II", plan, 56)
    meta = json.loads(plan[meta_offset : meta_offset + meta_bytes])
    said = meta["inputs"] + meta["outputs"]
    indices = struct.unpack_from(f"<{inputs + outputs}I", plan, io)
    ports = tuple(_port(plan, tensors + 48 * i, port) for i, port in zip(indices, said, strict=True))
    return Signature(ports[:inputs], ports[inputs:], _batch(meta, ports))


def _batch(meta: dict[str, Any], ports: tuple[Port, ...]) -> int:
    """How many items the plan says that it can be given, which the engine does not look at."""
    batch = meta.get("batch")
    if batch is None:
        return 1
    if not isinstance(batch, int) or not 1 < batch <= MAX_BATCH:
        raise ValueError(f"the plan takes {batch!r} items at once, not 2 to {MAX_BATCH:,}: compile the model again")
    for port in ports:
        if port.shape[:1] != (1,):
            message = f"the plan takes {batch} items at once, but {port.name!r} of {port.shape} is not of one item"
            raise ValueError(f"{message}: compile the model again")
    return batch


def _port(plan: bytes, at: int, said: dict[str, Any]) -> Port:
    dtype, rank, _, _, _, nbytes = struct.unpack_from("<BBBBII", plan, at)
    dims = struct.unpack_from("<6I", plan, at + 12)
    scale, zero_point = struct.unpack_from("<fi", plan, at + 36)
    labels = tuple(said.get("labels", ()))
    return Port(said["name"], DTYPES[dtype], dims[:rank], scale, zero_point, nbytes, labels)
