"""A function's folder: edgefn.toml, handler, models, samples."""

from edgefn.limits.budgets import Budgets
from edgefn.project.expectation import Expectation
from edgefn.project.function import Function, ModelSource, editor_schema, load_function
from edgefn.project.samples import Sample, SampleRequest, demand_samples, load_samples
from edgefn.project.shared import shared_folder

__all__ = [
    "Budgets",
    "Expectation",
    "Function",
    "ModelSource",
    "Sample",
    "SampleRequest",
    "demand_samples",
    "editor_schema",
    "load_function",
    "load_samples",
    "shared_folder",
]
