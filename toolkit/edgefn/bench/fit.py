"""How what was measured stands to the limits of one platform."""

from dataclasses import dataclass

from edgefn.limits import Limit, Profile

__all__ = ["Figures", "Fit", "Gauge", "fit"]


@dataclass(frozen=True, slots=True)
class Figures:
    """What a platform's limits are about: CPU in milliseconds, memory and sizes in bytes.

    `fresh_cpu_ms` is a request's CPU on an instance that was just made, `cpu_ms` on one that is reused.
    """

    package_raw: int
    package_compressed: int
    start_ms: float
    fresh_cpu_ms: float
    cpu_ms: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Gauge:
    """One figure beside its limit; `limit` None means that the platform names none.

    `fits` is None then, and when the platform measures something else than edgefn does.
    """

    name: str
    measured: float
    limit: float | None
    unit: str
    fits: bool | None


@dataclass(frozen=True, slots=True)
class Fit:
    """Every gauge of one platform."""

    profile: str
    gauges: tuple[Gauge, ...]

    @property
    def fits(self) -> bool:
        return all(g.fits is not False for g in self.gauges)


def fit(figures: Figures, profile: Profile) -> Fit:
    """Hold `figures` against the limits of `profile`."""
    package = figures.package_compressed if profile.package == "compressed" else figures.package_raw
    cpu = figures.cpu_ms if profile.reuse else figures.fresh_cpu_ms
    return Fit(
        profile.name,
        (
            _gauge("package", package, profile.get("package_bytes"), f"bytes, {profile.package}"),
            _gauge("start", figures.start_ms, profile.get("startup_ms"), "ms"),
            _gauge("cpu", cpu, profile.get("cpu_ms"), "ms"),
            _gauge("memory", figures.memory_bytes, profile.get("memory_bytes"), "bytes"),
        ),
    )


def _gauge(name: str, measured: float, limit: Limit | None, unit: str) -> Gauge:
    if limit is None:
        return Gauge(name, measured, None, unit, None)
    fits = None if limit.status == "not modelled" else measured <= limit.value
    return Gauge(name, measured, limit.value, unit, fits)
