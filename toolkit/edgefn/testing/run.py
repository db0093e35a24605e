"""`edgefn test`: every sample of a function under every profile, on a fresh instance each."""

from dataclasses import dataclass

from edgefn.build import Build
from edgefn.host import HostRequest, Loaded, Outcome, Worker, load_component
from edgefn.limits import Profile
from edgefn.project import Function, Sample, demand_samples

__all__ = ["ProfileRun", "SampleRun", "TestRun", "run_samples"]


@dataclass(frozen=True, slots=True)
class SampleRun:
    """`problems` is empty when the sample passed."""

    name: str
    passed: bool
    status: int
    cpu_ms: float
    memory_bytes: int | None
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProfileRun:
    profile: str
    package_bytes: int
    samples: tuple[SampleRun, ...]
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.problems and all(s.passed for s in self.samples)


@dataclass(frozen=True, slots=True)
class TestRun:
    __test__ = False  # the name is the user's word; pytest must not collect it

    function: str
    profiles: tuple[ProfileRun, ...]

    @property
    def passed(self) -> bool:
        return all(p.passed for p in self.profiles)

    @property
    def counts(self) -> tuple[int, int]:
        """Samples that passed, samples and packages that failed, over all profiles."""
        runs = [s for p in self.profiles for s in p.samples]
        passed = sum(s.passed for s in runs)
        return passed, len(runs) - passed + sum(len(p.problems) for p in self.profiles)


def run_samples(
    function: Function, built: Build, profiles: tuple[Profile, ...], names: tuple[str, ...] = ()
) -> TestRun:
    """Run the samples (all, or those named) under each profile.

    Raises ConfigError (EFN-C020) when the function has none.
    """
    samples = demand_samples(function, names)
    return TestRun(function.name, tuple(_under(profile, built, samples) for profile in profiles))


def _under(profile: Profile, built: Build, samples: tuple[Sample, ...]) -> ProfileRun:
    loaded = load_component(built.component, profile)
    package = built.sizes.package(profile)
    runs = tuple(_run(loaded, profile, sample) for sample in samples)
    return ProfileRun(profile.name, package, runs, _package_problems(profile, package))


def _package_problems(profile: Profile, package: int) -> tuple[str, ...]:
    cap = profile.value("package_bytes")
    if cap is None or package <= cap:
        return ()
    return (f"package of {package:,} bytes, {profile.name} takes {cap:,.0f}; see the parts with: edgefn build",)


def _run(loaded: Loaded, profile: Profile, sample: Sample) -> SampleRun:
    with Worker(loaded, profile) as worker:
        outcome = worker.call(HostRequest.of(sample))
    problems = _problems(outcome, sample)
    return SampleRun(
        sample.name, not problems, outcome.status, outcome.usage.cpu_ms, outcome.usage.memory_bytes, problems
    )


def _problems(outcome: Outcome, sample: Sample) -> tuple[str, ...]:
    if outcome.breach is not None:
        return (str(outcome.breach),)
    if outcome.failure is not None:
        return (str(outcome.failure),)
    return sample.expect.mismatches(outcome.status, outcome.headers, outcome.body)
