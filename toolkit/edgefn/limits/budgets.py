"""What a user asks of a function, in the units a person writes, under what a platform allows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from edgefn.errors import ConfigError
from edgefn.limits.limit import Limit, Status, Unit
from edgefn.limits.profile import Profile

__all__ = ["Budget", "Budgets", "tighten"]

# Budget key -> the limit it tightens, that limit's unit, and how many of those one of the budget's is. MB is 1,000,000.
_LIMITS: Mapping[str, tuple[str, Unit, int]] = {
    "cpu_ms": ("cpu_ms", "ms", 1),
    "wall_ms": ("wall_ms", "ms", 1),
    "memory_mb": ("memory_bytes", "bytes", 1_000_000),
    "package_mb": ("package_bytes", "bytes", 1_000_000),
    "startup_ms": ("startup_ms", "ms", 1),
}


@dataclass(frozen=True, slots=True)
class Budget:
    """One number of a user's: `key` in `table` of edgefn.toml says `written`, of which each is `scale` of `unit`."""

    table: str
    key: str
    written: float
    limit: str
    unit: Unit
    scale: int

    @property
    def value(self) -> float:
        """In the unit of its limit."""
        return self.written * self.scale


@dataclass(frozen=True, slots=True)
class Budgets:
    """The user's own limits under the platform's; None leaves the platform's.

    `profiles` has those that are meant for one profile, which stand there in place of the general ones.
    """

    cpu_ms: float | None = None
    wall_ms: float | None = None
    memory_mb: float | None = None
    package_mb: float | None = None
    startup_ms: float | None = None
    profiles: Mapping[str, "Budgets"] = field(default_factory=dict)

    def under(self, profile: str) -> Iterator[Budget]:
        """Every budget that holds under `profile`."""
        own = self.profiles.get(profile, Budgets())
        for key, limit in _LIMITS.items():
            for table, value in ((f"limits.{profile}", getattr(own, key)), ("limits", getattr(self, key))):
                if value is not None:
                    yield Budget(table, key, value, *limit)
                    break


def tighten(profile: Profile, budgets: Budgets) -> Profile:
    """Put a user's budgets under the platform's limits.

    Raises ConfigError (EFN-C009) for one that is looser than the platform's: it would be exceeded there, whatever
    edgefn.toml says.
    """
    limits = {limit.name: limit for limit in profile.limits}
    for budget in budgets.under(profile.name):
        limits[budget.limit] = _tightened(profile, budget)
    absent = tuple(one for one in profile.absent if one.name not in limits)
    return replace(profile, limits=tuple(limits.values()), absent=absent)


def _tightened(profile: Profile, budget: Budget) -> Limit:
    theirs = profile.get(budget.limit)
    if theirs is None:
        return Limit(
            name=budget.limit,
            value=budget.value,
            unit=budget.unit,
            scope="function",
            source="edgefn.toml",
            date=profile.date,
            dated=True,
            status="warned",
            note="The user's own; the platform names none.",
        )
    if not theirs.admits(budget.value):
        raise _looser(profile, budget, theirs.value / budget.scale)
    note = f"The user's own; the platform's is {theirs.value:,.10g}. {theirs.note}".rstrip()
    status: Status = "warned" if theirs.status == "not modelled" else theirs.status
    return replace(theirs, value=budget.value, source="edgefn.toml", status=status, note=note)


def _looser(profile: Profile, budget: Budget, allowed: float) -> ConfigError:
    message = (
        f"edgefn.toml: {budget.key} in [{budget.table}] is {budget.written:,.10g}, but {profile.name} allows "
        f"{allowed:,.10g}; a budget may only tighten that"
    )
    own = f"[limits.{profile.name}]"
    hint = f"write {budget.key} = {allowed:.10g} or less"
    if budget.table == "limits":
        hint += f", there or for this profile alone in {own}; or leave {profile.name} out with --profile"
    return ConfigError("EFN-C009", message, hint=hint)
