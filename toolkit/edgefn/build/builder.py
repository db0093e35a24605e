"""From a function to a component, doing again only what has changed."""

import hashlib
import json
import shutil
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from edgefn.build.audit import Audit, audit
from edgefn.build.componentize import componentize
from edgefn.build.plans import BuiltPlan, build_plan
from edgefn.build.sizes import Part, Sizes, measure
from edgefn.build.stage import function_files, stage
from edgefn.engine import library
from edgefn.project import Function, Sample, load_samples
from edgefn.project.atomic import write_whole
from edgefn.project.cache import digest

__all__ = ["Build", "ModelBuild", "build"]


@dataclass(frozen=True, slots=True)
class ModelBuild:
    name: str
    source_sha256: str
    plan_bytes: int
    cached: bool


@dataclass(frozen=True, slots=True)
class Build:
    """What a build made.

    `component` is the file, `sha256` its digest, `reused` whether nothing had changed since the last build.
    """

    function: str
    component: Path
    sha256: str
    flavour: str
    seconds: float
    reused: bool
    sizes: Sizes
    models: tuple[ModelBuild, ...]
    preloaded: tuple[str, ...]
    optional_missing: tuple[str, ...]


def build(function: Function) -> Build:
    """Build the component of `function` into its folder's .edgefn/NAME.wasm."""
    started = time.perf_counter()
    sources = function_files(function)
    audited = audit(sources)
    audited.check()
    samples = load_samples(function)
    plans = tuple(build_plan(model) for model in function.models)
    key = _key(function, sources, samples, plans)
    output = function.folder / ".edgefn" / f"{function.name}.wasm"
    record = output.with_suffix(".json")
    sizes = _recorded(record, key, output)
    reused = sizes is not None
    if sizes is None:
        component = _componentize(function, samples, plans, audited)
        engine = library.extension_path(function.flavour).stat().st_size
        sizes = measure(component, engine=engine, weights=sum(len(p.plan) for p in plans), sources=sources)
        write_whole(output, component)
        write_whole(record, json.dumps(_record(key, component, sizes), indent=1).encode())
    return Build(
        function=function.name,
        component=output,
        sha256=json.loads(record.read_text())["sha256"],
        flavour=function.flavour,
        seconds=time.perf_counter() - started,
        reused=reused,
        sizes=sizes,
        models=tuple(ModelBuild(p.name, p.source_sha256, len(p.plan), p.cached) for p in plans),
        preloaded=audited.preload,
        optional_missing=tuple(f"{i.file}:{i.line}: {i.module}" for i in audited.optional),
    )


def _componentize(
    function: Function, samples: tuple[Sample, ...], plans: tuple[BuiltPlan, ...], audited: Audit
) -> bytes:
    folder = Path(tempfile.mkdtemp(prefix="edgefn-stage-"))
    try:
        staged = stage(function, {p.name: p.plan for p in plans}, samples, audited.preload, folder / "stage")
        output = folder / "component.wasm"
        componentize(staged, output)
        return output.read_bytes()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _key(
    function: Function, sources: list[tuple[str, Path]], samples: tuple[Sample, ...], plans: tuple[BuiltPlan, ...]
) -> str:
    """Everything that the component is made from."""
    guest = sorted(p for p in (Path(str(files("edgefn"))) / "guest").glob("**/*.py"))
    return digest(
        version("componentize-py"),
        library.digest(function.flavour),
        function.name,
        function.handler.name,
        *(part for path in guest for part in (path.name, path.read_bytes())),
        *(part for name, path in sources for part in (name, path.read_bytes())),
        *(part for sample in samples for part in (sample.name, repr(sample.request))),
        *(part for plan in plans for part in (plan.name, plan.plan)),
    )


def _record(key: str, component: bytes, sizes: Sizes) -> dict[str, object]:
    parts = [[p.name, p.nbytes, p.note] for p in sizes.parts]
    return {
        "key": key,
        "sha256": _sha256(component),
        "total": sizes.total,
        "compressed": sizes.compressed,
        "parts": parts,
    }


def _recorded(record: Path, key: str, output: Path) -> Sizes | None:
    """The sizes of the last build, when it was made from the same things and its component is still there."""
    try:
        said = json.loads(record.read_text())
        if said["key"] != key or said["sha256"] != _sha256(output.read_bytes()):
            return None
        return Sizes(said["total"], said["compressed"], tuple(Part(*part) for part in said["parts"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _sha256(component: bytes) -> str:
    return hashlib.sha256(component).hexdigest()
