"""What JavaScript has to know of a plan, written into templates: it parses nothing of a plan itself."""

import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from edgefn.errors import UnsupportedError
from edgefn.graph.batch import batch_of
from edgefn.graph.plan import read_plan
from edgefn.graph.records import Plan, PlanTensor

__all__ = ["HEAD", "Wrapper", "write_wrapper"]

ARRAYS = {"f32": "Float32Array", "i8": "Int8Array", "u8": "Uint8Array", "i32": "Int32Array"}
CHECKSUM = slice(12, 16)  # of a plan
HEAD = b"// Made by `edgefn model compile --js`"  # both templates begin with it


@dataclass(frozen=True, slots=True)
class Wrapper:
    """An ES module and its TypeScript types, as sources."""

    module: str
    types: str


def write_wrapper(plan: bytes, wasm: str) -> Wrapper:
    """Write the wrapper of the standalone module of `plan`, a file named `wasm` that will lie beside it.

    Names in a model may be hostile: they stand in the sources as literals only. Raises UnsupportedError EFN-M013 when
    two inputs or two outputs share a name.
    """
    read = read_plan(plan)
    values = {
        "wasm": wasm,
        "url": "./" + quote(os.fsencode(wasm)),
        "checksum": int.from_bytes(plan[CHECKSUM], "little"),
        "checksum_offset": CHECKSUM.start,
        "ops": len(read.ops),
        "batch": batch_of(read),
        "inputs": _ports(read, "inputs", read.inputs),
        "outputs": _ports(read, "outputs", read.outputs),
    }
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        autoescape=False,  # noqa: S701 -- sources are written here, not HTML; `literal` escapes
    )
    templates.filters["literal"] = _literal
    module, types = (templates.get_template(name).render(values) for name in ("model.js.jinja", "model.d.ts.jinja"))
    return Wrapper(module, types)


def _ports(plan: Plan, side: str, indices: tuple[int, ...]) -> list[dict[str, Any]]:
    names = [port["name"] for port in plan.meta[side]]
    for name, count in Counter(names).items():
        if count > 1:
            message = f"the model has {count} {side} named {name!r}, which JavaScript could not tell apart"
            raise UnsupportedError("EFN-M013", message, hint="rename one of them, or compile without --js")
    return [_port(port, plan.tensors[index]) for port, index in zip(plan.meta[side], indices, strict=True)]


def _port(said: Mapping[str, Any], tensor: PlanTensor) -> dict[str, Any]:
    """A port as the wrapper has it; `offset` is in bytes from the start of the arena, `size` counts elements."""
    quantization = {"scale": tensor.scale, "zeroPoint": tensor.zero_point} if tensor.scale else None
    return {
        "name": said["name"],
        "dtype": tensor.dtype,
        "array": ARRAYS[tensor.dtype],
        "shape": tensor.dims,
        "quantization": quantization,
        "labels": said.get("labels", []),
        "offset": tensor.offset,
        "size": tensor.size,
    }


def _literal(value: object) -> str:
    r"""A literal of JavaScript and TypeScript, in ASCII: no separator of lines and, for scripts inside HTML, no `<`."""
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c")
