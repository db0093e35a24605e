"""Compiled plans, kept under the digest of what they were made from."""

import logging
from dataclasses import dataclass
from pathlib import Path

from edgefn.errors import ModelError
from edgefn.graph.compiler import COMPILER_VERSION, compile_model, read_model
from edgefn.graph.header import read_header
from edgefn.project import ModelSource
from edgefn.project.cache import Cache, digest

__all__ = ["BuiltPlan", "build_plan"]

PLANS = Cache("plans", ".plan", max_bytes=1 << 30)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BuiltPlan:
    """A plan and whether it came out of the cache."""

    name: str
    plan: bytes
    source_sha256: str
    cached: bool


def build_plan(model: ModelSource) -> BuiltPlan:
    """Compile a model, or find the plan of an equal one compiled before by this compiler. Raises ModelError."""
    file = read_model(model.source)
    key = digest(file.sha256, model.name, COMPILER_VERSION, *(f"{n}={s}" for n, s in model.dims))
    kept = _whole(PLANS.find(key))
    if kept is not None:
        return BuiltPlan(model.name, kept, file.sha256, cached=True)
    log.info("compiling model %s", model.name)
    plan = compile_model(file, name=model.name, dims=dict(model.dims)).plan
    PLANS.keep(key, plan)
    return BuiltPlan(model.name, plan, file.sha256, cached=False)


def _whole(path: Path | None) -> bytes | None:
    """A plan out of the cache, when there is one and it is not damaged."""
    if path is None:
        return None
    try:
        plan = path.read_bytes()
        read_header(plan)
    except (OSError, ModelError):
        return None
    return plan
