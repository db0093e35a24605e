"""One limit of a platform, in words from a fixed list, so that limits can be compared and a misspelt one is noticed."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

__all__ = ["Absent", "Bound", "Entry", "Limit", "Reason", "Scope", "Status", "Unit"]

type Status = Literal["enforced", "warned", "not modelled"]
type Bound = Literal["at most", "at least"]

# KB, MB and GB of a platform's page are read as decimal, the stricter reading, unless it writes KiB, MiB or GiB.
type Unit = Literal[
    "ms", "bytes", "compressed bytes", "characters",
    "calls", "lookups", "operations", "reads", "reads/s", "requests", "writes", "writes/s",
    "backends", "connections", "distributions", "domains", "entries", "files", "functions", "hops", "routes",
    "rules", "services", "stores", "triggers", "variables", "versions",
]  # fmt: skip

# What a limit is counted over: `request` is one invocation with all that it does, `function` a Worker, service or app.
type Scope = Literal[
    "request", "instance", "isolate", "start-up", "cron run", "deployment", "function", "zone",
    "account", "account, day",
    "URL", "header", "variable", "file", "cached object", "object", "store", "key", "value", "secret",
]  # fmt: skip

type Reason = Literal["unlimited", "not published", "not offered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """`source` is where it was read: a URL, a page of this repository, or edgefn.toml for a user's budget.

    `date` is the date of that source; when `dated` is false the source has none, and it is the day of reading.
    `status` is what this release does with it: enforced while a request runs, warned about, or not modelled.
    `disagreement` is what other sources say.
    """

    name: str
    value: float
    unit: Unit
    scope: Scope
    source: str
    date: date
    dated: bool
    status: Status
    bound: Bound = "at most"
    note: str = ""
    disagreement: str = ""

    def admits(self, value: float) -> bool:
        """Whether `value`, in the limit's unit, is within it."""
        return value <= self.value if self.bound == "at most" else value >= self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """A limit that other platforms or plans have and this one has not.

    `unlimited`: its source says that there is none. `not published`: nothing was found; `source` is where it would be.
    `not offered`: what would be limited cannot be had.
    """

    name: str
    reason: Reason
    source: str
    date: date
    dated: bool
    note: str = ""


type Entry = Limit | Absent
