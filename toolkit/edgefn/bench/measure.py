"""`edgefn bench`: what a function costs on this machine, and on which platforms it fits."""

import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import quantiles

from edgefn.bench.fit import Figures, Fit, fit
from edgefn.build import Build
from edgefn.errors import ExpectationError
from edgefn.host import HostRequest, Outcome, Sandbox, load_component
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
    wall is the monotonic clock. Raises ExpectationError (EFN-T010) when the sample does not answer.
    """
    limits = loosest(profiles)
    loaded = load_component(built.component, limits)
    linker = loaded.linker()
    request = HostRequest.of(sample)

    def fresh() -> Outcome:
        with Sandbox(loaded, linker, limits) as sandbox:
            return sandbox.call(request)

    cold_cpu, cold_wall, outcome = _repeat(fresh, cold, sample)
    with Sandbox(loaded, linker, limits) as sandbox:
        warm_cpu, warm_wall, _ = _repeat(lambda: sandbox.call(request), warm, sample)
    figures = Figures(
        package_raw=built.sizes.total,
        package_compressed=built.sizes.compressed,
        start_ms=cold_cpu.p95,
        cpu_ms=warm_cpu.p99,
        memory_bytes=outcome.usage.memory_bytes or 0,
    )
    return BenchRun(
        function=built.function,
        sample=sample.name,
        machine=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        method=f"thread time and monotonic clock; {cold} fresh instances, {warm} requests on a reused one",
        cold_cpu=cold_cpu,
        cold_wall=cold_wall,
        warm_cpu=warm_cpu,
        warm_wall=warm_wall,
        platforms=tuple(fit(figures, profile) for profile in profiles),
    )


def _repeat(call: Callable[[], Outcome], times: int, sample: Sample) -> tuple[Distribution, Distribution, Outcome]:
    cpu, wall = [], []
    outcome = call()  # the first touch of a mapped file is not what we ask for
    for _ in range(times):
        cpu_start, wall_start = time.thread_time(), time.perf_counter()
        outcome = call()
        cpu.append((time.thread_time() - cpu_start) * 1e3)
        wall.append((time.perf_counter() - wall_start) * 1e3)
        if outcome.breach or outcome.failure:
            raise ExpectationError(
                "EFN-T010",
                f"sample {sample.name!r} did not answer: {outcome.breach or outcome.failure}",
                hint="run: edgefn test",
            )
    return _distribution(cpu), _distribution(wall), outcome


def _distribution(values: list[float]) -> Distribution:
    cuts = quantiles(values, n=100, method="inclusive")
    return Distribution(cuts[49], cuts[94], cuts[98], min(values), len(values))
