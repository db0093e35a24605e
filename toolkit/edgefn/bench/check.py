"""`edgefn check`: whether a function fits a platform, and what to blame where it does not."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from edgefn.bench.anatomy import dissect
from edgefn.bench.profile import profile_model
from edgefn.build import Build
from edgefn.errors import ExpectationError
from edgefn.host import HostRequest, Outcome, Worker, load_component
from edgefn.host.watch import header_bytes
from edgefn.limits import Limit, Profile, loosened, loosest
from edgefn.project import Function, Sample

__all__ = ["Check", "Row", "Table", "check"]

type Verdict = Literal["fits", "tight", "exceeds"]

ROUNDS = 7  # requests of each sample, each to a fresh instance: the median counts
TIGHT = 0.8  # of a limit
BLAMED = 3  # parts that are named
_ADVICE = {
    "package_bytes": "vendor less, or quantize and prune the models",
    "memory_bytes": "a smaller input or model; int8 takes a quarter of float32's memory",
    "cpu_ms": "a smaller or int8 model, or fewer pixels; time the rest of the handler with: edgefn bench",
    "startup_ms": "import less at the top of the handler, and vendor less",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One limit: `measured` is the most that a sample took, in the limit's unit; `blame` what it was made of."""

    limit: str
    unit: str
    measured: float
    allowed: float
    sample: str
    blame: tuple[str, ...]
    advice: str

    @property
    def headroom(self) -> float:
        """What is left, as a part of what is allowed; below 0 where it is exceeded."""
        return 1 - self.measured / self.allowed if self.allowed else 0.0

    @property
    def verdict(self) -> Verdict:
        if self.measured > self.allowed:
            return "exceeds"
        return "tight" if self.measured > TIGHT * self.allowed else "fits"


@dataclass(frozen=True, slots=True)
class Table:
    """The limits of one platform that can be measured here; `unmeasured` names the others.

    A platform measures some in a way of its own (a start-up): those count as not measured.
    """

    profile: str
    rows: tuple[Row, ...]
    unmeasured: tuple[str, ...]

    @property
    def fits(self) -> bool:
        return all(row.verdict != "exceeds" for row in self.rows)


@dataclass(frozen=True, slots=True)
class Check:
    """Figures of this machine: an estimate of a platform, not a promise."""

    function: str
    samples: int
    tables: tuple[Table, ...]

    @property
    def fits(self) -> bool:
        return all(table.fits for table in self.tables)


@dataclass(frozen=True, slots=True)
class _Peak:
    """The most of one figure, and the sample that took it."""

    value: float
    sample: str


def check(function: Function, built: Build, samples: Sequence[Sample], profiles: Sequence[Profile]) -> Check:
    """Run every sample without limits and hold what it took against each profile.

    Raises ExpectationError (EFN-T010) when a sample does not answer.
    """
    peaks = _peaks(built, samples, loosened(loosest(profiles)))
    blame = _Blame(function, built)
    tables = []
    for profile in profiles:
        figures = {"package_bytes": _Peak(built.sizes.package(profile), ""), **peaks}
        held = [limit for limit in profile.limits if limit.name in figures and limit.status != "not modelled"]
        others = tuple(limit.name for limit in profile.limits if limit not in held)
        tables.append(Table(profile.name, tuple(_row(limit, figures[limit.name], blame) for limit in held), others))
    return Check(function.name, len(samples), tuple(tables))


def _row(limit: Limit, peak: _Peak, blame: "_Blame") -> Row:
    row = Row(limit.name, limit.unit, peak.value, limit.value, peak.sample, (), "")
    if row.verdict == "fits":
        return row
    parts = blame.of(limit.name)
    return Row(limit.name, limit.unit, peak.value, limit.value, peak.sample, parts, _ADVICE.get(limit.name, ""))


def _peaks(built: Build, samples: Sequence[Sample], profile: Profile) -> dict[str, _Peak]:
    loaded = load_component(built.component, profile)
    peaks: dict[str, _Peak] = {}
    with Worker(loaded, profile) as worker:
        for sample in samples:
            request = HostRequest.of(sample)
            outcomes = [_answered(worker.call(request), sample) for _ in range(ROUNDS)]
            for name, value in _figures(request, outcomes):
                if name not in peaks or value > peaks[name].value:
                    peaks[name] = _Peak(value, sample.name)
    return peaks


def _answered(outcome: Outcome, sample: Sample) -> Outcome:
    if wrong := outcome.breach or outcome.failure:
        raise ExpectationError("EFN-T010", f"sample {sample.name!r} did not answer: {wrong}", hint="run: edgefn test")
    return outcome


def _figures(request: HostRequest, outcomes: Sequence[Outcome]) -> Iterator[tuple[str, float]]:
    """The figures of one sample that platforms limit, by the name of the limit."""
    last = outcomes[-1]
    yield "cpu_ms", median(outcome.usage.cpu_ms for outcome in outcomes)
    yield "wall_ms", median(outcome.usage.wall_ms for outcome in outcomes)
    yield "startup_ms", median(outcome.usage.start_ms for outcome in outcomes)
    yield "memory_bytes", max(outcome.usage.memory_bytes or 0 for outcome in outcomes)
    yield "log_bytes", last.logged_bytes
    yield "response_header_bytes", header_bytes(last.headers)
    yield "response_body_bytes", len(last.body)
    yield "url_bytes", len(request.url)
    yield "header_bytes", header_bytes(request.headers)
    yield "request_body_bytes", len(request.body)


class _Blame:
    """What a figure is made of, the largest first; found out once, and only where somebody asks."""

    def __init__(self, function: Function, built: Build) -> None:
        self._function, self._built = function, built
        self._known: dict[str, tuple[str, ...]] = {}

    def of(self, limit: str) -> tuple[str, ...]:
        finders: dict[str, Callable[[], tuple[str, ...]]] = {
            "package_bytes": self._parts,
            "startup_ms": self._parts,
            "memory_bytes": self._models,
            "cpu_ms": self._layers,
        }
        if limit in finders and limit not in self._known:
            self._known[limit] = finders[limit]()
        return self._known.get(limit, ())

    def _parts(self) -> tuple[str, ...]:
        parts = sorted(self._built.sizes.parts, key=lambda part: -part.nbytes)[:BLAMED]
        return tuple(f"{part.name}: {part.nbytes / 1e6:.2f} MB" for part in parts)

    def _models(self) -> tuple[str, ...]:
        found: list[tuple[int, str]] = []
        for model in self._function.models:
            if memory := dissect(model.source, dict(model.dims)).memory:
                arena, weights = memory.arena, memory.weights
                text = f"{arena / 1e6:.2f} MB to work in, {weights / 1e6:.2f} MB of weights"
                found.append((arena + weights, f"model {model.name}: {text}"))
        return tuple(text for _, text in sorted(found, reverse=True)[:BLAMED])

    def _layers(self) -> tuple[str, ...]:
        found: list[tuple[float, str]] = []
        for model in self._function.models:
            profile = profile_model(model.source, self._function.flavour, dims=dict(model.dims))
            found.append((profile.whole, f"model {model.name}: {profile.whole:.3g} ms an inference"))
            found += [(op.ms, f"  layer {op.name or op.op} ({op.op}): {op.ms:.3g} ms") for op in profile.ops]
        return tuple(text for _, text in sorted(found, reverse=True)[: BLAMED + 1])
