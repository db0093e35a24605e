"""The published limits of a platform, as data with source and date."""

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, reduce
from importlib.resources import files
from typing import Any, Literal

from edgefn.errors import UsageError
from edgefn.limits.limit import Absent, Entry, Limit, Status

__all__ = ["Overview", "Package", "Profile", "load_profile", "loosest", "overview", "profile_names", "profiles_of"]

type Package = Literal["raw", "compressed"]


@dataclass(frozen=True, slots=True)
class Profile:
    """A platform on one of its plans; `date` is when its limits were last reviewed as a whole.

    `package` says what `package_bytes` counts: the artifact as it is, or compressed; `reuse` whether an instance
    answers one request after another, or each gets a fresh one. `absent` are limits that one would look for in vain.
    """

    name: str
    title: str
    platform: str
    package: Package
    reuse: bool
    date: date
    note: str
    limits: tuple[Limit, ...]
    absent: tuple[Absent, ...]

    def get(self, name: str) -> Limit | None:
        """Return the limit; None when the platform names none."""
        return next((limit for limit in self.limits if limit.name == name), None)

    def value(self, name: str) -> float | None:
        """Return the limit's value; None when the platform names none."""
        limit = self.get(name)
        return None if limit is None else limit.value

    def entries(self) -> tuple[Entry, ...]:
        """The limits, then what is absent."""
        return (*self.limits, *self.absent)

    def held(self, status: Status) -> tuple[Limit, ...]:
        """The limits of this status."""
        return tuple(limit for limit in self.limits if limit.status == status)


@dataclass(frozen=True, slots=True)
class Overview:
    """A profile in one line: how many of its limits this release enforces, warns about and does not model."""

    name: str
    title: str
    platform: str
    date: date
    enforced: int
    warned: int
    not_modelled: int


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
    table = _table(name)
    sources = table["sources"]
    return Profile(
        name=name,
        title=table["title"],
        platform=table["platform"],
        package=table["package"],
        reuse=table["reuse"],
        date=table["date"],
        note=table.get("note", ""),
        limits=tuple(Limit(name=key, **_cited(entry, sources)) for key, entry in table["limits"].items()),
        absent=tuple(Absent(name=key, **_cited(entry, sources)) for key, entry in table.get("absent", {}).items()),
    )


def overview() -> tuple[Overview, ...]:
    """Every profile that ships, in one line each."""
    return tuple(_line(load_profile(name)) for name in profile_names())


def loosest(profiles: Sequence[Profile]) -> Profile:
    """The profile under which a function is measured that has to stand beside all of `profiles`.

    Of every limit that all of them name, the loosest; of the others none.
    """
    first, *others = profiles
    limits = []
    for limit in first.limits:
        found = [one for other in others if (one := other.get(limit.name))]
        if len(found) == len(others):
            limits.append(reduce(lambda x, y: x if x.admits(y.value) else y, found, limit))
    return replace(first, name=" + ".join(p.name for p in profiles), limits=tuple(limits), absent=())


def _table(name: str) -> dict[str, Any]:
    """The file's tables, over those of the plan that it extends.

    A limit of the file stands in the place of that plan's, whole, and so does what is absent: one name is in one of
    the two.
    """
    table = tomllib.loads((files("edgefn.limits") / f"{name}.toml").read_text("utf-8"))
    if "extends" not in table:
        return table
    base = _table(table["extends"])
    own = {kind: table.get(kind, {}) for kind in ("limits", "absent")}
    said = set().union(*own.values())
    for kind, entries in own.items():
        kept = {key: entry for key, entry in base.get(kind, {}).items() if key not in said or key in entries}
        table[kind] = kept | entries
    table["sources"] = base["sources"] | table.get("sources", {})
    return base | table


def _cited(entry: Mapping[str, Any], sources: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """An entry with its source spelt out."""
    source = sources[entry["source"]]
    return {**entry, "source": source["at"], "date": source["date"], "dated": source.get("dated", True)}


def _line(profile: Profile) -> Overview:
    enforced, warned, rest = (len(profile.held(status)) for status in ("enforced", "warned", "not modelled"))
    return Overview(profile.name, profile.title, profile.platform, profile.date, enforced, warned, rest)


def profiles_of(target: str) -> tuple[str, ...]:
    """List the profiles of a platform, or the one of that name. Raises UsageError (EFN-U010) for neither."""
    if target in profile_names():
        return (target,)
    found = tuple(name for name in profile_names() if load_profile(name).platform == target)
    if not found:
        raise _unknown(target)
    return found


def _unknown(name: str) -> UsageError:
    known = ", ".join(profile_names())
    match = next(iter(difflib.get_close_matches(name, profile_names(), n=1, cutoff=0.5)), None)
    hint = f"did you mean {match}? (there are: {known})" if match else f"choose one of: {known}"
    return UsageError("EFN-U010", f"no limits profile {name!r}", hint=hint)
