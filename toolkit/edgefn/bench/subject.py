"""The model or plan that a command looks into, compiled."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgefn.graph.compiler import compile_model, fit_dims, read_model
from edgefn.graph.header import MAGIC
from edgefn.graph.layers import Layer, layers_of
from edgefn.graph.plan import read_plan
from edgefn.graph.records import Plan
from edgefn.graph.summary import ModelSummary

__all__ = ["Subject", "open_subject"]


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
    path: Path, dims: Mapping[str, int] | None = None, shapes: Mapping[str, tuple[int, ...]] | None = None
) -> Subject:
    """Compile the model at `path`, or read the plan that lies there.

    Dimensions that the model leaves open and `dims` does not name are those of the inputs in `shapes`. Raises
    ModelError and UnsupportedError, and UsageError for a size that fits nothing.
    """
    file = read_model(path)
    blob, summary = file.data, None
    if not blob.startswith(MAGIC):
        fitted = fit_dims(file, shapes) if shapes else {}
        compiled = compile_model(file, name=path.stem, dims=fitted | dict(dims or {}))
        blob, summary = compiled.plan, compiled.summary
    plan = read_plan(blob)
    return Subject(path.stem, blob, plan, layers_of(plan), summary, len(file.data))
