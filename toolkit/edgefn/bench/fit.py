"""How what was measured stands to the limits of one platform."""

from dataclasses import dataclass

from edgefn.limits import Profile

__all__ = ["Figures", "Fit", "Gauge", "fit"]


@dataclass(frozen=True, slots=True)
class Figures:
    """What a platform's limits are about: CPU in milliseconds, memory and sizes in bytes."""

    package_raw: int
    package_compressed: int
    start_ms: float
    cpu_ms: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Gauge:
    """One figure beside its limit; `limit` None means that the platform names none. `fits` is None then."""

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
    return Fit(
        profile.name,
        (
            _gauge("package", package, profile.value("package_bytes"), f"bytes, {profile.package}"),
            _gauge("start", figures.start_ms, profile.value("startup_ms"), "ms"),
            _gauge("cpu", figures.cpu_ms, profile.value("cpu_ms"), "ms"),
            _gauge("memory", figures.memory_bytes, profile.value("memory_bytes"), "bytes"),
        ),
    )


def _gauge(name: str, measured: float, limit: float | None, unit: str) -> Gauge:
    return Gauge(name, measured, limit, unit, None if limit is None else measured <= limit)
