"""A model file in, a plan out."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgefn.errors import ModelError, UnsupportedError
from edgefn.graph.importers.source import Source
from edgefn.graph.summary import ModelSummary, summarize, summarize_unsupported

if TYPE_CHECKING:
    from edgefn.graph.draft import Draft
    from edgefn.graph.ir import Graph, Port
    from edgefn.graph.records import Plan

__all__ = [
    "COMPILER_VERSION",
    "CompiledModel",
    "ModelFile",
    "compile_model",
    "inspect_model",
    "read_model",
    "try_model",
]

# Part of every cache key: raise it whenever the same model may give other bytes.
COMPILER_VERSION = "5"
MAX_MODEL_BYTES = 256 << 20
TFLITE_MAGIC = b"TFL3"  # at byte 4


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


def compile_model(
    file: ModelFile,
    *,
    name: str,
    dims: Mapping[str, int] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    whole: bool = False,
) -> CompiledModel:
    """Compile an ONNX or TFLite model; the same file, name and sizes of open dimensions give the same bytes.

    Dimensions that the model leaves open and `dims` does not name are those of the inputs in `shapes`. `whole` keeps
    channels that nothing can change, for those who compare layers.
    Raises ModelError EFN-M003 to EFN-M008 when it is no well-formed model, UnsupportedError EFN-M010 to EFN-M012 when
    it uses what is not covered, UsageError EFN-U043 for a size that fits nothing.
    """
    return _compiled(_read(file), file, name, dims, shapes, whole=whole)


def try_model(
    file: ModelFile, dims: Mapping[str, int] | None = None, shapes: Mapping[str, tuple[int, ...]] | None = None
) -> CompiledModel | ModelSummary:
    """Compile a model as `compile_model` does; of one that edgefn cannot compile, say what it is and why.

    Raises ModelError when it is no model at all, UsageError EFN-U043 for a size that fits nothing.
    """
    source, name = _read(file), file.path.stem
    if source.unsupported:
        return summarize_unsupported(source, name, source.unsupported)
    try:
        return _compiled(source, file, name, dims, shapes)
    except ModelError as error:
        if not _is_about_support(error):
            raise
        return summarize_unsupported(source, name, (error.message,))


def inspect_model(file: ModelFile, dims: Mapping[str, int] | None = None) -> ModelSummary:
    """Say what a model is and what it costs; for one that edgefn cannot compile, why. Raises as `try_model` does."""
    found = try_model(file, dims)
    return found.summary if isinstance(found, CompiledModel) else found


def _is_about_support(error: ModelError) -> bool:
    """Whether a model is well formed but not covered: an op, an open dimension, a bound."""
    return isinstance(error, UnsupportedError) or error.code in {"EFN-M007", "EFN-M008"}


def _read(file: ModelFile) -> Source:
    """Read a file by what it holds, whatever its name ends in."""
    if file.data[4:8] == TFLITE_MAGIC:
        from edgefn.graph.importers import tflite  # noqa: PLC0415 -- numpy is slow to import

        return tflite.read(file.data, file.path)
    from edgefn.graph.importers import onnx  # noqa: PLC0415 -- onnx is slow to import

    return onnx.read(file.data, file.path)


def _compiled(
    source: Source,
    file: ModelFile,
    name: str,
    dims: Mapping[str, int] | None,
    shapes: Mapping[str, tuple[int, ...]] | None,
    *,
    whole: bool = False,
) -> CompiledModel:
    from edgefn.graph.importers.dims import sizes_of  # noqa: PLC0415 -- numpy is slow to import
    from edgefn.graph.plan import read_plan, write_plan  # noqa: PLC0415

    sizes = sizes_of(source.inputs, shapes or {}, dims or {})
    graph, draft, plan = _compile(source, name, file.sha256, sizes, whole=whole)
    blob = write_plan(plan)
    read_plan(blob)  # nothing leaves the compiler that its own reader would refuse
    summary = summarize(source, graph, draft, plan, name)
    return CompiledModel(name, blob, hashlib.sha256(blob).hexdigest(), summary)


def _compile(
    source: Source, name: str, sha256: str, dims: Mapping[str, int], *, whole: bool
) -> "tuple[Graph, Draft, Plan]":
    from edgefn.graph.assemble import assemble  # noqa: PLC0415 -- numpy is slow to import
    from edgefn.graph.batch import MAX_BATCH, is_of_one_item  # noqa: PLC0415
    from edgefn.graph.importers.dims import leaves_batch_open  # noqa: PLC0415
    from edgefn.graph.layers import described  # noqa: PLC0415
    from edgefn.graph.lower import lower  # noqa: PLC0415
    from edgefn.graph.passes import optimize  # noqa: PLC0415

    graph = source.to_graph(dims)
    optimize(graph, whole=whole)
    draft = lower(graph)
    meta = {
        "producer": f"edgefn compiler {COMPILER_VERSION}",
        "name": name,
        "source_sha256": sha256,
        "macs": sum(s.macs for s in draft.steps),
        "ops": described(draft.steps),
        "inputs": [_port(p) for p in graph.inputs],
        "outputs": [_port(p) for p in graph.outputs],
    }
    plan = assemble(graph, draft, meta)
    if leaves_batch_open(source.inputs, source.outputs, dims) and is_of_one_item(plan):
        plan = replace(plan, meta=plan.meta | {"batch": MAX_BATCH})
    return graph, draft, plan


def _port(port: "Port") -> dict[str, object]:
    said: dict[str, object] = {"name": port.name, "layout": port.layout}
    if port.dtype:
        said["dtype"] = port.dtype
    if port.labels:
        said["labels"] = list(port.labels)
    return said
