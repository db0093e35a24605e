"""Results as text for a terminal."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from edgefn.report.table import table
from edgefn.report.units import milliseconds, place, size

if TYPE_CHECKING:  # a view needs the shape of a result, not the code that made it
    from edgefn.bench import BenchRun, Distribution, Fit, Gauge, ModelRun
    from edgefn.build import Build
    from edgefn.build.modules import CompiledFile
    from edgefn.doctor import Diagnosis
    from edgefn.errors import EdgefnError
    from edgefn.project.scaffold import Scaffolded
    from edgefn.testing import SampleRun, TestRun

__all__ = ["bench", "build", "compiled", "diagnoses", "error", "model_run", "scaffold", "test"]


def error(failed: "EdgefnError") -> str:
    """What happened, the evidence, and what to do next."""
    detail = f"\n{failed.detail.rstrip()}\n" if failed.detail else ""
    return f"error[{failed.code}]: {failed.message}{detail}\n  help: {failed.hint}"


def build(result: "Build") -> str:
    """One line an artifact, then its parts."""
    rows = [
        (p.name, size(p.nbytes), f"{100 * p.nbytes / result.sizes.total:.1f} %", p.note) for p in result.sizes.parts
    ]
    rows += [("total", size(result.sizes.total), "", f"{size(result.sizes.compressed)} gzip")]
    state = "unchanged" if result.reused else "built"
    lines = [
        f"{state} {place(result.component)} in {result.seconds:.2f} s  ({result.flavour}, sha256 {result.sha256[:16]})",
        *table(rows, right=(1, 2)),
    ]
    lines += [f"  loaded ahead of time: {', '.join(result.preloaded)}"] if result.preloaded else []
    lines += [f"  optional import not available: {entry}" for entry in result.optional_missing]
    return "\n".join(lines)


def test(run: "TestRun") -> str:
    """A row a sample, a column a profile; then what went wrong."""
    rows = [("", *(p.profile for p in run.profiles)), ("package", *(size(p.package_bytes) for p in run.profiles))]
    rows += [(first.name, *map(_verdict, samples)) for first, samples in _by_sample(run)]
    lines = table(rows, right=())
    for profile in run.profiles:
        problems = [("", problem) for problem in profile.problems]
        problems += [(f", {sample.name}", problem) for sample in profile.samples for problem in sample.problems]
        for where, problem in problems:
            lines += [f"  {profile.profile}{where}:", *("    " + line for line in problem.splitlines())]
    passed, failed = run.counts
    under = f"{len(run.profiles)} profile{'s' if len(run.profiles) > 1 else ''}"
    return "\n".join([*lines, f"{run.function}: {passed} passed, {failed} failed under {under}"])


def bench(run: "BenchRun") -> str:
    """Distributions, then every figure beside the limit of each platform."""
    times = [
        ("", "p50", "p95", "p99", "least"),
        _distribution("cold CPU", run.cold_cpu),
        _distribution("cold wall", run.cold_wall),
        _distribution("warm CPU", run.warm_cpu),
        _distribution("warm wall", run.warm_wall),
    ]
    gauges = [
        ("", "package", "start", "CPU", "memory", ""),
        *(row for fit in run.platforms for row in _fit(fit)),
    ]
    return "\n".join(
        [
            f"{run.function}, sample {run.sample!r}",
            *table(times, right=(1, 2, 3, 4)),
            *table(gauges, right=(1, 2, 3, 4)),
            f"  {run.machine}; {run.method}",
            "  start: cold CPU p95; CPU: p99 of a request, on a fresh instance where the platform makes one for each",
            "  figures of this machine, an estimate of the platform",
        ]
    )


def diagnoses(found: Sequence["Diagnosis"]) -> str:
    """A line a check; a remedy under what is not well."""
    lines: list[str] = []
    for diagnosis in found:
        lines.append(f"  {diagnosis.status:5}  {diagnosis.name}: {diagnosis.message}")
        if diagnosis.status != "ok" and diagnosis.remedy:
            lines.append(f"         help: {diagnosis.remedy}")
    return "\n".join(lines)


def compiled(result: "CompiledFile") -> str:
    """One line an artifact."""
    wrapper = "".join(f"\n  with {path}" for path in result.wrapper)
    return f"compiled {result.output}  {size(result.nbytes)}  sha256 {result.sha256[:16]}{wrapper}"


def model_run(run: "ModelRun") -> str:
    """Times and differences."""
    known = "no known outputs" if run.maxd is None else f"largest difference to known outputs {run.maxd:.3g}"
    times = f"{milliseconds(run.min)} least, {milliseconds(run.med)} median of {run.runs} runs"
    return f"{run.model} ({run.flavour}): {times}, cold {milliseconds(run.cold)}\n  {run.cases} cases, {known}"


def scaffold(made: "Scaffolded") -> str:
    """The files, and what to do next."""
    files = "".join(f"\n  {made.folder / name}" for name in made.files)
    return f"made {made.folder} from {made.template!r}:{files}\nnext: edgefn test {made.folder}"


def _by_sample(run: "TestRun") -> "Iterator[tuple[SampleRun, tuple[SampleRun, ...]]]":
    """Every sample, with its runs under all profiles."""
    for runs in zip(*(p.samples for p in run.profiles), strict=True):
        yield runs[0], runs


def _verdict(sample: "SampleRun") -> str:
    memory = f", {size(sample.memory_bytes)}" if sample.memory_bytes else ""
    return f"{'ok  ' if sample.passed else 'FAIL'}  {sample.status}  {milliseconds(sample.cpu_ms)} CPU{memory}"


def _distribution(name: str, d: "Distribution") -> tuple[str, ...]:
    return (name, *(milliseconds(v) for v in (d.p50, d.p95, d.p99, d.least)))


def _fit(fit: "Fit") -> list[tuple[str, ...]]:
    """What was measured, and under it what the platform allows."""
    verdict = "fits" if fit.fits else f"EXCEEDS {', '.join(g.name for g in fit.gauges if g.fits is False)}"
    return [
        (fit.profile, *(_amount(g, g.measured) for g in fit.gauges), verdict),
        ("  allows", *(_amount(g, g.limit) for g in fit.gauges), ""),
    ]


def _amount(gauge: "Gauge", value: float | None) -> str:
    if value is None:
        return "any"
    return size(value) if gauge.unit.startswith("bytes") else milliseconds(value)
