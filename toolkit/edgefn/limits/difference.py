"""Where two profiles differ, and which of them allows less."""

from dataclasses import dataclass
from typing import Literal

from edgefn.limits.limit import Absent, Entry, Limit
from edgefn.limits.profile import Profile

__all__ = ["Comparison", "Difference", "compare_profiles"]

type Side = Literal["a", "b"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A limit of which both profiles say something, and not the same.

    `tighter` is None where that cannot be told: other units, another scope alone, or a limit that is not published.
    """

    name: str
    a: Entry
    b: Entry
    tighter: Side | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """`only_a` and `only_b` are limits of which the other profile says nothing; `same` counts those that are equal."""

    a: str
    b: str
    differences: tuple[Difference, ...]
    only_a: tuple[Entry, ...]
    only_b: tuple[Entry, ...]
    same: int


def compare_profiles(a: Profile, b: Profile) -> Comparison:
    """Hold `a` against `b`, in the order of `a`."""
    of_a, of_b = ({one.name: one for one in p.entries()} for p in (a, b))
    both = [(name, one, of_b[name]) for name, one in of_a.items() if name in of_b]
    differences = tuple(Difference(name, x, y, _tighter(x, y)) for name, x, y in both if _differ(x, y))
    return Comparison(
        a.name,
        b.name,
        differences,
        tuple(one for name, one in of_a.items() if name not in of_b),
        tuple(one for name, one in of_b.items() if name not in of_a),
        len(both) - len(differences),
    )


def _differ(x: Entry, y: Entry) -> bool:
    if isinstance(x, Limit) and isinstance(y, Limit):
        return (x.value, x.unit, x.scope, x.bound) != (y.value, y.unit, y.scope, y.bound)
    if isinstance(x, Absent) and isinstance(y, Absent):
        return x.reason != y.reason
    return True


def _tighter(x: Entry, y: Entry) -> Side | None:
    """A limit is tighter than none, and what is not offered tighter than any."""
    if isinstance(x, Limit) and isinstance(y, Limit):
        comparable = (x.unit, x.bound) == (y.unit, y.bound) and x.value != y.value
        return _side(y.admits(x.value)) if comparable else None
    first, second = _allows(x), _allows(y)
    return None if first is None or second is None else _side(first < second)


def _side(a: bool) -> Side:
    return "a" if a else "b"


def _allows(one: Entry) -> int | None:
    """Orders what is said by how much it allows; None is not known."""
    if isinstance(one, Limit):
        return 1
    return {"not offered": 0, "unlimited": 2, "not published": None}[one.reason]
