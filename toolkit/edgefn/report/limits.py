"""`edgefn limits` as text, in as many columns as there are."""

import itertools
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from edgefn.report.table import table
from edgefn.report.units import exact_duration, exact_size

if TYPE_CHECKING:  # a view needs the shape of a result, not the code that made it
    from edgefn.limits import Comparison, Difference, Entry, Overview, Profile
    from edgefn.limits.limit import Reason, Status

__all__ = ["amount", "comparison", "overview", "profile", "remark"]

type _Row = tuple[str, ...]

NARROWEST, WIDEST = 40, 100  # columns of running text
_HEADINGS: "tuple[tuple[Status, str], ...]" = (
    ("enforced", "enforced here"),
    ("warned", "warned about here"),
    ("not modelled", "not modelled here"),
)
_ABSENT: "dict[Reason, str]" = {"unlimited": "no limit", "not published": "not published", "not offered": "not offered"}


def overview(found: Sequence["Overview"]) -> str:
    """A line a profile, and how to see one."""
    rows: list[_Row] = [("profile", "reviewed", "enforced", "warned", "")]
    for one in found:
        limits = one.enforced + one.warned + one.not_modelled
        rows.append((one.name, str(one.date), f"{one.enforced} of {limits}", str(one.warned), one.title))
    return "\n".join([*table(rows, right=(2, 3)), "next: edgefn limits show NAME, edgefn limits diff NAME NAME"])


def profile(one: "Profile", width: int) -> str:
    """The limits by what edgefn does with them, then notes and sources."""
    sources = _Sources(one.entries())
    sections: list[tuple[str, tuple[Entry, ...]]] = [(heading, one.held(status)) for status, heading in _HEADINGS]
    sections.append(("no limit, or none known", one.absent))
    entries = [entry for _, section in sections for entry in section]
    rows: list[_Row] = [("limit", "value", "per", "dated", "source")]
    rows += [(entry.name, amount(entry), _scope(entry), *sources.cite(entry)) for entry in entries]
    head, *lines = table(rows, right=(4,))
    text = [f"{one.name}: {one.title}, reviewed {one.date}", *_wrapped(one.note, "  ", width), head]
    rest = iter(lines)
    for heading, section in sections:
        if section:
            text += [heading, *itertools.islice(rest, len(section))]
    return "\n".join([*text, *_notes(entries, width), *sources.lines()])


def comparison(found: "Comparison") -> str:
    """What differs and which is tighter, then what only one of them has."""
    lines = [f"{found.a} and {found.b}: {len(found.differences)} differ, {found.same} the same"]
    if found.differences:
        rows = [("", found.a, found.b, "tighter"), *(row for d in found.differences for row in _difference(d, found))]
        lines += table(rows, right=())
    for name, only in ((found.a, found.only_a), (found.b, found.only_b)):
        if only:
            lines += [f"only {name} has", *table([(x.name, amount(x), _scope(x)) for x in only], right=())]
    return "\n".join(lines)


def amount(one: "Entry") -> str:
    """A limit's value with its unit, exactly; or what there is in its place."""
    if hasattr(one, "reason"):
        return _ABSENT[one.reason]
    least = "at least " if one.bound == "at least" else ""
    return f"{least}{_value(one.value, one.unit)}"


def remark(one: "Entry") -> str:
    """What there is to say beside the value, and what other sources say."""
    disagreement = getattr(one, "disagreement", "")
    return " ".join(part for part in (one.note, f"Sources disagree: {disagreement}" if disagreement else "") if part)


def _value(value: float, unit: str) -> str:
    if unit.endswith("bytes"):
        return f"{exact_size(value)}{' compressed' if unit == 'compressed bytes' else ''}"
    return exact_duration(value) if unit == "ms" else f"{value:,.10g} {unit}"


def _scope(one: "Entry") -> str:
    return getattr(one, "scope", "")


def _difference(d: "Difference", found: "Comparison") -> Iterator[tuple[str, ...]]:
    tighter = {"a": found.a, "b": found.b, None: ""}[d.tighter]
    yield (d.name, amount(d.a), amount(d.b), tighter)
    if _scope(d.a) and _scope(d.b) and _scope(d.a) != _scope(d.b):
        yield ("  per", _scope(d.a), _scope(d.b), "")


def _notes(entries: Iterable["Entry"], width: int) -> list[str]:
    said = [(x.name, remark(x)) for x in entries]
    lines = [line for name, note in said if note for line in _wrapped(f"{name}: {note}", "  ", width)]
    return ["notes", *lines] if lines else []


def _wrapped(text: str, indent: str, width: int) -> list[str]:
    return textwrap.wrap(
        text,
        max(NARROWEST, min(width, WIDEST)),
        initial_indent=indent,
        subsequent_indent=indent * 2,
        break_long_words=False,
    )


class _Sources:
    """Numbers the sources in the order in which they are first needed."""

    def __init__(self, entries: Iterable["Entry"]) -> None:
        self._numbers: dict[str, int] = {}
        self._undated = False
        for one in entries:
            self._numbers.setdefault(one.source, len(self._numbers) + 1)
            self._undated |= not one.dated

    def cite(self, one: "Entry") -> tuple[str, str]:
        return f"{one.date}{'' if one.dated else '*'}", f"[{self._numbers[one.source]}]"

    def lines(self) -> list[str]:
        undated = ["  * the day of reading: the page has no date"] if self._undated else []
        return ["sources", *(f"  [{number}] {source}" for source, number in self._numbers.items()), *undated]
