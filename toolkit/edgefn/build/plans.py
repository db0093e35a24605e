"""Compiled plans, kept under the digest of what they were made from."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from edgefn.errors import ModelError
from edgefn.project import ModelSource
from edgefn.project.atomic import write_whole
from edgefn.project.cache import cache_folder, digest

__all__ = ["BuiltPlan", "build_plan"]

MAX_MODEL_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class BuiltPlan:
    """A plan and whether it came out of the cache."""

    name: str
    plan: bytes
    source_sha256: str
    cached: bool


def build_plan(model: ModelSource) -> BuiltPlan:
    """Compile a model, or find the plan of an equal one compiled before by this compiler."""
    from edgefn.graph.compiler import COMPILER_VERSION, compile_model  # noqa: PLC0415 -- numpy and onnx are slow to import

    source = hashlib.sha256(_read(model)).hexdigest()
    path = cache_folder("plans") / f"{digest(source, model.name, COMPILER_VERSION)}.plan"
    kept = _kept(path)
    if kept is not None:
        return BuiltPlan(model.name, kept, source, cached=True)
    compiled = compile_model(model.source, name=model.name)
    write_whole(path, compiled.plan)
    return BuiltPlan(model.name, compiled.plan, source, cached=False)


def _kept(path: Path) -> bytes | None:
    """The plan in the cache, when there is one and it is whole."""
    from edgefn.graph.plan import read_plan  # noqa: PLC0415 -- as above

    try:
        plan = path.read_bytes()
        read_plan(plan)
    except (OSError, ModelError):
        return None
    return plan


def _read(model: ModelSource) -> bytes:
    try:
        size = model.source.stat().st_size
        if size > MAX_MODEL_BYTES:
            raise ModelError(
                "EFN-M001",
                f"{model.source} has {size:,} bytes, at most {MAX_MODEL_BYTES:,} are read",
                hint="quantize or prune the model",
            )
        return model.source.read_bytes()
    except OSError as error:
        raise ModelError(
            "EFN-M002",
            f"model {model.name!r} cannot be read: {model.source}: {error.strerror}",
            hint=f"correct [models.{model.name}] source in edgefn.toml",
        ) from None
