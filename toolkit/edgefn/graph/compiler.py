"""A model file in, a plan out."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgefn.errors import ModelError, UnsupportedError
from edgefn.graph.summary import ModelSummary, summarize, summarize_unsupported

if TYPE_CHECKING:
    from edgefn.graph.importers.onnx.file import OnnxModel
    from edgefn.graph.ir import Graph
    from edgefn.graph.lower import Draft
    from edgefn.graph.plan import Plan

__all__ = ["COMPILER_VERSION", "CompiledModel", "compile_model", "inspect_model"]

# Part of every cache key: raise it whenever the same model may give other bytes.
COMPILER_VERSION = "2"
MAX_MODEL_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class CompiledModel:
    """`plan` is the file, `digest` its SHA-256 in hexadecimal."""

    name: str
    plan: bytes
    digest: str
    summary: ModelSummary


def compile_model(source: Path, *, name: str) -> CompiledModel:
    """Compile the ONNX model at `source`; the same file and name give the same bytes.

    Raises ModelError EFN-M001 to EFN-M008 when the file cannot be read, UnsupportedError EFN-M010 to EFN-M012 when
    it uses what is not covered.
    """
    from edgefn.graph.plan import read_plan, write_plan  # noqa: PLC0415 -- numpy is slow to import

    data = _read(source)
    model = _parse(data, source)
    graph, draft, plan = _compile(model, name, hashlib.sha256(data).hexdigest())
    blob = write_plan(plan)
    read_plan(blob)  # nothing leaves the compiler that its own reader would refuse
    summary = summarize(model, graph, draft, plan, name)
    return CompiledModel(name, blob, hashlib.sha256(blob).hexdigest(), summary)


def inspect_model(source: Path) -> ModelSummary:
    """Say what a model is and what it costs; for one that edgefn cannot compile, why.

    Raises ModelError when it cannot be read at all.
    """
    from edgefn.graph.importers.onnx import unsupported_nodes  # noqa: PLC0415 -- numpy and onnx are slow to import

    data = _read(source)
    model = _parse(data, source)
    missing = unsupported_nodes(model)
    if missing:
        return summarize_unsupported(model, source.stem, missing)
    try:
        graph, draft, plan = _compile(model, source.stem, hashlib.sha256(data).hexdigest())
    except (UnsupportedError, ModelError) as error:
        if not isinstance(error, UnsupportedError) and error.code not in {"EFN-M007", "EFN-M008"}:
            raise
        return summarize_unsupported(model, source.stem, (error.message,))
    return summarize(model, graph, draft, plan, source.stem)


def _read(source: Path) -> bytes:
    try:
        size = source.stat().st_size
        if size > MAX_MODEL_BYTES:
            message = f"{source} has {size:,} bytes, at most {MAX_MODEL_BYTES:,} are read"
            raise ModelError("EFN-M001", message, hint="quantize or prune the model")
        with source.open("rb") as file:
            return file.read(MAX_MODEL_BYTES)
    except OSError as error:
        message = f"{source} cannot be read: {error.strerror}"
        raise ModelError("EFN-M002", message, hint="check the path of the model") from None


def _parse(data: bytes, source: Path) -> "OnnxModel":
    from edgefn.graph.importers.onnx.file import read_file  # noqa: PLC0415 -- onnx is slow to import

    return read_file(data, source)


def _compile(model: "OnnxModel", name: str, sha256: str) -> "tuple[Graph, Draft, Plan]":
    from edgefn.graph.assemble import assemble  # noqa: PLC0415 -- numpy and onnx are slow to import
    from edgefn.graph.importers.onnx import import_onnx  # noqa: PLC0415
    from edgefn.graph.lower import lower  # noqa: PLC0415
    from edgefn.graph.passes import optimize  # noqa: PLC0415

    graph = import_onnx(model)
    optimize(graph)
    draft = lower(graph)
    meta = {
        "producer": f"edgefn compiler {COMPILER_VERSION}",
        "name": name,
        "source_sha256": sha256,
        "macs": sum(s.macs for s in draft.steps),
        "inputs": [{"name": p.name, "layout": p.layout} for p in graph.inputs],
        "outputs": [{"name": p.name, "layout": p.layout} for p in graph.outputs],
    }
    return graph, draft, assemble(graph, draft, meta)
