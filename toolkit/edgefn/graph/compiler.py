"""A model file in, a plan out."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edgefn.errors import ModelError, UnsupportedError
from edgefn.graph.summary import ModelSummary, summarize, summarize_unsupported

if TYPE_CHECKING:
    from edgefn.graph.draft import Draft
    from edgefn.graph.importers.onnx.file import OnnxModel
    from edgefn.graph.ir import Graph
    from edgefn.graph.records import Plan

__all__ = ["COMPILER_VERSION", "CompiledModel", "ModelFile", "compile_model", "inspect_model", "read_model"]

# Part of every cache key: raise it whenever the same model may give other bytes.
COMPILER_VERSION = "2"
MAX_MODEL_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model as it lies on disk, read once; `sha256` in hexadecimal."""

    path: Path
    data: bytes = field(repr=False)
    sha256: str


@dataclass(frozen=True, slots=True)
class CompiledModel:
    """`plan` is the file, `digest` its SHA-256 in hexadecimal."""

    name: str
    plan: bytes
    digest: str
    summary: ModelSummary


def read_model(path: Path) -> ModelFile:
    """Read a model file, whatever it holds. Raises ModelError EFN-M001 (too large) or EFN-M002 (cannot be read)."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_MODEL_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        hint = "check the path: in the command, or source in [models.NAME] of edgefn.toml"
        raise ModelError("EFN-M002", f"model {path} cannot be read: {reason}", hint=hint) from None
    if len(data) > MAX_MODEL_BYTES:
        message = f"model {path} has more than {MAX_MODEL_BYTES:,} bytes"
        raise ModelError("EFN-M001", message, hint="quantize or prune the model")
    return ModelFile(path, data, hashlib.sha256(data).hexdigest())


def compile_model(file: ModelFile, *, name: str) -> CompiledModel:
    """Compile an ONNX model; the same file and name give the same bytes.

    Raises ModelError EFN-M003 to EFN-M008 when it is no well-formed model, UnsupportedError EFN-M010 to EFN-M012 when
    it uses what is not covered.
    """
    from edgefn.graph.plan import read_plan, write_plan  # noqa: PLC0415 -- numpy is slow to import

    model = _parse(file)
    graph, draft, plan = _compile(model, name, file.sha256)
    blob = write_plan(plan)
    read_plan(blob)  # nothing leaves the compiler that its own reader would refuse
    summary = summarize(model, graph, draft, plan, name)
    return CompiledModel(name, blob, hashlib.sha256(blob).hexdigest(), summary)


def inspect_model(file: ModelFile) -> ModelSummary:
    """Say what a model is and what it costs; for one that edgefn cannot compile, why.

    Raises ModelError when it is no model at all.
    """
    from edgefn.graph.importers.onnx import unsupported_nodes  # noqa: PLC0415 -- numpy and onnx are slow to import

    model, name = _parse(file), file.path.stem
    missing = unsupported_nodes(model)
    if missing:
        return summarize_unsupported(model, name, missing)
    try:
        graph, draft, plan = _compile(model, name, file.sha256)
    except (UnsupportedError, ModelError) as error:
        if not isinstance(error, UnsupportedError) and error.code not in {"EFN-M007", "EFN-M008"}:
            raise
        return summarize_unsupported(model, name, (error.message,))
    return summarize(model, graph, draft, plan, name)


def _parse(file: ModelFile) -> "OnnxModel":
    from edgefn.graph.importers.onnx.file import read_file  # noqa: PLC0415 -- onnx is slow to import

    return read_file(file.data, file.path)


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
