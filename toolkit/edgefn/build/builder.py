"""From a function to a component, doing again only what has changed."""

import logging
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from edgefn.build.audit import audit
from edgefn.build.componentize import componentize
from edgefn.build.plans import build_plan
from edgefn.build.record import Record
from edgefn.build.sizes import Sizes, measure
from edgefn.build.stage import function_files, stage
from edgefn.engine import library
from edgefn.project import Function, load_samples
from edgefn.project.atomic import write_whole
from edgefn.project.cache import digest

__all__ = ["Build", "ModelBuild", "build"]

log = logging.getLogger(__name__)


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
    """Build the component of `function` into its folder's .edgefn/NAME.wasm.

    Raises BuildError, ModelError or ConfigError; the component of the last build stays then.
    """
    started = time.perf_counter()
    sources = function_files(function)
    audited = audit(sources)
    audited.check()
    samples = load_samples(function)
    plans = tuple(build_plan(model) for model in function.models)
    output = function.folder / ".edgefn" / f"{function.name}.wasm"
    with tempfile.TemporaryDirectory(prefix="edgefn-", ignore_cleanup_errors=True) as folder:
        staged = stage(function, {p.name: p.plan for p in plans}, samples, audited, Path(folder) / "stage")
        key = digest(version("componentize-py"), staged.digest())
        record = Record.read(output.with_suffix(".json"))
        reused = record is not None and record.describes(key, output)
        if record is None or not reused:
            log.info("building the component of %s: about 10 s", function.name)
            component = componentize(staged, Path(folder) / "component.wasm")
            engine = library.extension_path(function.flavour).stat().st_size
            sizes = measure(component, engine=engine, weights=sum(len(p.plan) for p in plans), sources=sources)
            record = Record.of(key, component, sizes)
            write_whole(output, component)
            record.write(output.with_suffix(".json"))
    return Build(
        function=function.name,
        component=output,
        sha256=record.sha256,
        flavour=function.flavour,
        seconds=time.perf_counter() - started,
        reused=reused,
        sizes=record.sizes,
        models=tuple(ModelBuild(p.name, p.source_sha256, len(p.plan), p.cached) for p in plans),
        preloaded=audited.preload,
        optional_missing=tuple(f"{i.file}:{i.line}: {i.name}" for i in audited.optional),
    )
