"""Results as text for a terminal."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from edgefn.report.units import milliseconds, size

if TYPE_CHECKING:  # a view needs the shape of a result, not the code that made it
    from edgefn.bench import BenchRun, Distribution, Gauge
    from edgefn.build import Build
    from edgefn.build.modules import CompiledFile
    from edgefn.doctor import Diagnosis
    from edgefn.errors import EdgefnError
    from edgefn.graph.summary import ModelSummary
    from edgefn.project.scaffold import Scaffolded
    from edgefn.testing import SampleRun, TestRun

__all__ = ["bench", "build", "compiled", "diagnoses", "error", "model", "scaffold", "test"]


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
        f"{state} {result.component} in {result.seconds:.2f} s  ({result.flavour}, sha256 {result.sha256[:16]})",
        *_table(rows, right=(1, 2)),
    ]
    lines += [f"  loaded ahead of time: {', '.join(result.preloaded)}"] if result.preloaded else []
    lines += [f"  optional import not available: {entry}" for entry in result.optional_missing]
    return "\n".join(lines)


def test(run: "TestRun") -> str:
    """A line a sample and profile."""
    lines: list[str] = []
    for profile in run.profiles:
        lines.append(f"{profile.profile}  (package {size(profile.package_bytes)})")
        lines += [f"  FAIL  {problem}" for problem in profile.problems]
        lines += [line for sample in profile.samples for line in _sample(sample)]
    passed, failed = run.counts
    lines.append(f"{run.function}: {passed} passed, {failed} failed under {len(run.profiles)} profiles")
    return "\n".join(lines)


def bench(run: "BenchRun") -> str:
    """Distributions, then every figure beside its limit."""
    header = ("", "p50", "p95", "p99", "least")
    rows = [
        header,
        _distribution("cold CPU", run.cold_cpu),
        _distribution("cold wall", run.cold_wall),
        _distribution("warm CPU", run.warm_cpu),
        _distribution("warm wall", run.warm_wall),
    ]
    gauges = [("", run.profile, "limit", "", ""), *(_gauge(g) for g in run.gauges)]
    return "\n".join(
        [
            f"{run.function}, sample {run.sample!r}, {run.profile}",
            *_table(rows, right=(1, 2, 3, 4)),
            *_table(gauges, right=(1, 2)),
            f"  {run.machine}; {run.method}",
            "  figures of this machine: an estimate of the platform",
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


def model(summary: "ModelSummary") -> str:
    """What a model takes, gives and costs, op by op."""
    ports = [("input", p.name, p.dtype, _shape(p.shape)) for p in summary.inputs] + [
        ("output", p.name, p.dtype, _shape(p.shape)) for p in summary.outputs
    ]
    ops = [("op", "output", "shape", "dtype", "MACs", "weights")]
    ops += [(o.op, o.name, _shape(o.shape), o.dtype, f"{o.macs:,}", size(o.weights_bytes)) for o in summary.ops]
    lines = [
        f"{summary.name}: {summary.format}, opset {summary.opset}",
        f"  {summary.params:,} parameters, {summary.macs:,} multiply-accumulates",
        *_table(ports, right=()),
        *_table(ops, right=(4, 5)),
    ]
    if summary.supported:
        lines.append(f"  plan: {size(summary.weights_bytes)} of weights, {size(summary.arena_bytes)} of working memory")
    else:
        lines += ["  not supported:", *(f"    {reason}" for reason in summary.unsupported)]
    return "\n".join(lines)


def compiled(result: "CompiledFile") -> str:
    """One line an artifact."""
    return f"compiled {result.output}  {size(result.nbytes)}  sha256 {result.sha256[:16]}"


def scaffold(made: "Scaffolded") -> str:
    """The files, and what to do next."""
    files = "".join(f"\n  {made.folder / name}" for name in made.files)
    return f"made {made.folder} from {made.template!r}:{files}\nnext: edgefn test {made.folder}"


def _sample(sample: "SampleRun") -> list[str]:
    memory = size(sample.memory_bytes) if sample.memory_bytes else "-"
    verdict = "ok  " if sample.passed else "FAIL"
    first = f"  {verdict}  {sample.name:24} {sample.status}  {milliseconds(sample.cpu_ms):>10} CPU  {memory:>8}"
    return [first, *("        " + line for problem in sample.problems for line in problem.splitlines())]


def _distribution(name: str, d: "Distribution") -> tuple[str, ...]:
    return (name, *(milliseconds(v) for v in (d.p50, d.p95, d.p99, d.least)))


def _gauge(gauge: "Gauge") -> tuple[str, ...]:
    show = size if "bytes" in gauge.unit else milliseconds
    limit = "none" if gauge.limit is None else show(gauge.limit)
    verdict = {True: "ok", False: "OVER", None: ""}[gauge.fits]
    return (gauge.name, show(gauge.measured), limit, verdict, gauge.unit)


def _shape(shape: Iterable[int | str]) -> str:
    return "x".join(str(n) for n in shape) or "scalar"


def _table(rows: Sequence[tuple[str, ...]], *, right: tuple[int, ...]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    lines = []
    for row in rows:
        cells = (
            cell.rjust(w) if i in right else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        lines.append(("  " + "  ".join(cells)).rstrip())
    return lines
