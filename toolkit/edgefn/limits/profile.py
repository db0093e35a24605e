"""The published limits of a platform, as data with source and date."""

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from edgefn.errors import UsageError
from edgefn.limits.budgets import Budgets

__all__ = ["Limit", "Profile", "Status", "load_profile", "loosest", "profile_names", "tighten"]

type Package = Literal["raw", "compressed"]
type Status = Literal["enforced", "warned", "not modelled"]


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit: `scope` is what it is counted over, `source` where it was read, on `date` (edgefn.toml for a budget).

    `status` is what this release does with it: enforced while a request runs, warned about, or not modelled.
    """

    name: str
    value: float
    unit: str
    scope: str
    source: str
    date: date
    status: Status
    note: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A platform on one of its plans; `date` is when its limits were last reviewed as a whole.

    `package` says what `package_bytes` counts: the artifact as it is, or compressed; `reuse` whether an instance
    answers one request after another, or each gets a fresh one.
    """

    name: str
    title: str
    platform: str
    package: Package
    reuse: bool
    date: date
    limits: tuple[Limit, ...]

    def get(self, name: str) -> Limit | None:
        """Return the limit; None when the platform names none."""
        return next((limit for limit in self.limits if limit.name == name), None)

    def value(self, name: str) -> float | None:
        """Return the limit's value; None when the platform names none."""
        limit = self.get(name)
        return None if limit is None else limit.value


@cache
def profile_names() -> tuple[str, ...]:
    """List the profiles that ship with edgefn, sorted."""
    found = (path.name for path in files("edgefn.limits").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


@cache
def load_profile(name: str) -> Profile:
    """Read a profile. Raises UsageError (EFN-U010) for a name that is not one of `profile_names()`."""
    if name not in profile_names():
        raise _unknown(name)
    table = tomllib.loads((files("edgefn.limits") / f"{name}.toml").read_text("utf-8"))
    limits = tuple(_limit(key, limit) for key, limit in table["limits"].items())
    return Profile(name, table["title"], table["platform"], table["package"], table["reuse"], table["date"], limits)


def tighten(profile: Profile, budgets: Budgets) -> Profile:
    """Put a user's budgets under the platform's limits.

    Budgets only tighten: one above a platform's limit changes nothing there, so that 40 ms can be meant for Fastly
    and leave the 10 ms of the Workers free plan.
    """
    limits = {limit.name: limit for limit in profile.limits}
    for name, value in budgets.limits():
        limits[name] = _tightened(profile, name, value)
    return replace(profile, limits=tuple(limits.values()))


def loosest(profiles: Sequence[Profile]) -> Profile:
    """The profile under which a function is measured that has to stand beside all of `profiles`.

    Of every limit that all of them name, the largest value; of the others none.
    """
    first, *others = profiles
    limits = []
    for limit in first.limits:
        found = [other.get(limit.name) for other in others]
        if None not in found:
            limits.append(max([limit, *(f for f in found if f)], key=lambda one: one.value))
    return replace(first, name=" + ".join(p.name for p in profiles), limits=tuple(limits))


def _limit(name: str, table: Mapping[str, Any]) -> Limit:
    return Limit(
        name=name,
        value=table["value"],
        unit=table["unit"],
        scope=table["scope"],
        source=table["source"],
        date=table["date"],
        status=table["status"],
        note=table.get("note", ""),
    )


def _unknown(name: str) -> UsageError:
    known = ", ".join(profile_names())
    match = next(iter(difflib.get_close_matches(name, profile_names(), n=1, cutoff=0.5)), None)
    hint = f"did you mean {match}? (there are: {known})" if match else f"choose one of: {known}"
    return UsageError("EFN-U010", f"no limits profile {name!r}", hint=hint)


def _tightened(profile: Profile, name: str, value: float) -> Limit:
    unit = "bytes" if name.endswith("_bytes") else "ms"
    theirs = profile.get(name)
    if theirs is None:
        note = "The user's own; the platform names none."
        return Limit(name, value, unit, "function", "edgefn.toml", profile.date, "warned", note)
    if value >= theirs.value:
        return theirs
    note = f"The user's own; the platform's is {theirs.value:,.0f}. {theirs.note}".rstrip()
    status: Status = "warned" if theirs.status == "not modelled" else theirs.status
    return replace(theirs, value=value, source="edgefn.toml", status=status, note=note)
