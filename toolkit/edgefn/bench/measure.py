"""`edgefn bench`: what a function costs on this machine, and on which platforms it fits."""

import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles

from edgefn.bench.fit import Figures, Fit, fit
from edgefn.build import Build
from edgefn.errors import ExpectationError
from edgefn.host import HostRequest, Usage, Worker, load_component
from edgefn.limits import Profile, loosest
from edgefn.project import Sample

__all__ = ["BenchRun", "Distribution", "measure"]


@dataclass(frozen=True, slots=True)
class Distribution:
    """Milliseconds over `samples` repetitions."""

    p50: float
    p95: float
    p99: float
    least: float
    samples: int


@dataclass(frozen=True, slots=True)
class BenchRun:
    """Figures of this machine: an estimate of a platform, not a promise.

    `cold` is instantiate to first response on a precompiled component, `warm` a request to an instance that is reused.
    """

    function: str
    sample: str
    machine: str
    method: str
    cold_cpu: Distribution
    cold_wall: Distribution
    warm_cpu: Distribution
    warm_wall: Distribution
    platforms: tuple[Fit, ...]

    @property
    def fits(self) -> bool:
        return all(one.fits for one in self.platforms)


def measure(built: Build, sample: Sample, profiles: Sequence[Profile], *, cold: int = 50, warm: int = 500) -> BenchRun:
    """Measure `sample` on `cold` fresh instances and `warm` times on one that is reused, beside `profiles`.

    It runs under the loosest of their limits, so that what exceeds a tighter one is measured too. CPU is thread time,
    wall is the monotonic clock around a call that another thread runs. Raises ExpectationError (EFN-T010) when the
    sample does not answer.
    """
    limits = loosest(profiles)
    loaded = load_component(built.component, limits)
    request = HostRequest.of(sample)
    with Worker(loaded, limits) as worker:
        cold_usage, cold_wall = _repeat(worker, request, cold, sample)
    with Worker(loaded, limits, reuse=True) as worker:
        warm_usage, warm_wall = _repeat(worker, request, warm, sample)
    cold_cpu = _distribution([usage.start_ms + usage.cpu_ms for usage in cold_usage])
    warm_cpu = _distribution([usage.cpu_ms for usage in warm_usage])
    figures = Figures(
        package_raw=built.sizes.total,
        package_compressed=built.sizes.compressed,
        start_ms=cold_cpu.p95,
        fresh_cpu_ms=_distribution([usage.cpu_ms for usage in cold_usage]).p99,
        cpu_ms=warm_cpu.p99,
        memory_bytes=max(usage.memory_bytes or 0 for usage in warm_usage),
    )
    return BenchRun(
        function=built.function,
        sample=sample.name,
        machine=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        method=f"thread time and monotonic clock; {cold} fresh instances, {warm} requests on a reused one",
        cold_cpu=cold_cpu,
        cold_wall=_distribution(cold_wall),
        warm_cpu=warm_cpu,
        warm_wall=_distribution(warm_wall),
        platforms=tuple(fit(figures, profile) for profile in profiles),
    )


def _repeat(worker: Worker, request: HostRequest, times: int, sample: Sample) -> tuple[list[Usage], list[float]]:
    """What `times` calls used, and their wall time in milliseconds."""
    used, wall = [], []
    worker.call(request)  # the first touch of a mapped file is not what we ask for
    for _ in range(times):
        started = time.perf_counter()
        outcome = worker.call(request)
        wall.append((time.perf_counter() - started) * 1e3)
        if outcome.breach or outcome.failure:
            raise ExpectationError(
                "EFN-T010",
                f"sample {sample.name!r} did not answer: {outcome.breach or outcome.failure}",
                hint="run: edgefn test",
            )
        used.append(outcome.usage)
    return used, wall


def _distribution(values: list[float]) -> Distribution:
    cuts = quantiles(values, n=100, method="inclusive")
    return Distribution(cuts[49], cuts[94], cuts[98], min(values), len(values))
