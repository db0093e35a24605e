"""`edgefn bench`: what a function costs on this machine, and how that stands to a profile's limits."""

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import quantiles

from edgefn.build import Build
from edgefn.errors import ExpectationError
from edgefn.host import HostRequest, Outcome, Sandbox, load_component
from edgefn.limits import Profile
from edgefn.project import Sample

__all__ = ["BenchRun", "Distribution", "Gauge", "measure"]


@dataclass(frozen=True, slots=True)
class Distribution:
    """Milliseconds over `samples` repetitions."""

    p50: float
    p95: float
    p99: float
    least: float
    samples: int


@dataclass(frozen=True, slots=True)
class Gauge:
    """One measured figure beside its limit; `limit` None means that the platform names none. `fits` is None then."""

    name: str
    measured: float
    limit: float | None
    unit: str
    fits: bool | None


@dataclass(frozen=True, slots=True)
class BenchRun:
    """Figures of this machine: an estimate of the platform, not a promise.

    `cold` is instantiate to first response on a precompiled component.
    """

    function: str
    sample: str
    profile: str
    machine: str
    method: str
    cold_cpu: Distribution
    cold_wall: Distribution
    warm_cpu: Distribution
    warm_wall: Distribution
    gauges: tuple[Gauge, ...]

    @property
    def fits(self) -> bool:
        return all(g.fits is not False for g in self.gauges)


def measure(built: Build, sample: Sample, profile: Profile, *, cold: int = 50, warm: int = 500) -> BenchRun:
    """Measure `sample` on `cold` fresh instances and `warm` times on one that is reused.

    CPU is thread time, wall is the monotonic clock. Raises ExpectationError (EFN-T010) when the sample does not answer.
    """
    loaded = load_component(built.component, profile)
    linker = loaded.linker()
    request = HostRequest.of(sample)

    def fresh() -> Outcome:
        with Sandbox(loaded, linker, profile) as sandbox:
            return sandbox.call(request)

    cold_cpu, cold_wall, outcome = _repeat(fresh, cold, sample)
    with Sandbox(loaded, linker, profile) as sandbox:
        warm_cpu, warm_wall, _ = _repeat(lambda: sandbox.call(request), warm, sample)
    return BenchRun(
        function=built.function,
        sample=sample.name,
        profile=profile.name,
        machine=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        method=f"thread time and monotonic clock; {cold} fresh instances, {warm} requests on a reused one",
        cold_cpu=cold_cpu,
        cold_wall=cold_wall,
        warm_cpu=warm_cpu,
        warm_wall=warm_wall,
        gauges=_gauges(profile, outcome, cold_cpu, warm_cpu, built.sizes.package(profile)),
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


def _gauges(
    profile: Profile, outcome: Outcome, cold: Distribution, warm: Distribution, package: int
) -> tuple[Gauge, ...]:
    memory = outcome.usage.memory_bytes or 0
    return (
        _gauge("package", package, profile.value("package_bytes"), "bytes"),
        _gauge("start", cold.p95, profile.value("startup_ms"), "ms CPU, instantiate to first response, p95"),
        _gauge("cpu", warm.p99, profile.value("cpu_ms"), "ms CPU a warm request, p99"),
        _gauge("memory", memory, profile.value("memory_bytes"), "bytes of linear memory"),
    )


def _gauge(name: str, measured: float, limit: float | None, unit: str) -> Gauge:
    return Gauge(name, measured, limit, unit, None if limit is None else measured <= limit)
