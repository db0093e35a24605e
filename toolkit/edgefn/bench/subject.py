"""The model or plan that a command looks into, compiled."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgefn.graph.compiler import CompiledModel, compile_model, read_model, try_model
from edgefn.graph.header import MAGIC
from edgefn.graph.layers import Layer, layers_of
from edgefn.graph.plan import read_plan
from edgefn.graph.records import Plan
from edgefn.graph.summary import ModelSummary

__all__ = ["Subject", "open_subject", "try_subject"]


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """`blob` is the plan as a file; `layers` has one entry for each of its ops; `summary` is None for a bare plan."""

    name: str
    blob: bytes
    plan: Plan
    layers: tuple[Layer, ...]
    summary: ModelSummary | None
    file_bytes: int


def open_subject(
    path: Path,
    dims: Mapping[str, int] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    *,
    whole: bool = False,
) -> Subject:
    """Compile the model at `path`, or read the plan that lies there.

    Dimensions that the model leaves open and `dims` does not name are those of the inputs in `shapes`. `whole` keeps
    channels that nothing can change. Raises ModelError and UnsupportedError, and UsageError for a size that fits
    nothing.
    """
    file = read_model(path)
    if file.data.startswith(MAGIC):
        return _subject(path, file.data)
    return _subject(path, file.data, compile_model(file, name=path.stem, dims=dims, shapes=shapes, whole=whole))


def try_subject(
    path: Path, dims: Mapping[str, int] | None = None, shapes: Mapping[str, tuple[int, ...]] | None = None
) -> Subject | ModelSummary:
    """The same; of a model that edgefn cannot compile, what it is and why."""
    file = read_model(path)
    if file.data.startswith(MAGIC):
        return _subject(path, file.data)
    found = try_model(file, dims, shapes)
    return _subject(path, file.data, found) if isinstance(found, CompiledModel) else found


def _subject(path: Path, data: bytes, compiled: CompiledModel | None = None) -> Subject:
    blob, summary = (compiled.plan, compiled.summary) if compiled else (data, None)
    plan = read_plan(blob)
    return Subject(path.stem, blob, plan, layers_of(plan), summary, len(data))
