"""`edgefn check` as text."""

from typing import TYPE_CHECKING

from edgefn.report.table import table
from edgefn.report.units import milliseconds, size

if TYPE_CHECKING:  # a view needs the shape of a result, not the code that made it
    from edgefn.bench import Check
    from edgefn.bench.check import Row, Table

__all__ = ["check"]

_VERDICTS = {"fits": "fits", "tight": "TIGHT", "exceeds": "EXCEEDS"}


def check(found: "Check") -> str:
    """A table a platform; under it what to blame and what to try, then what this cannot tell."""
    lines = []
    for one in found.tables:
        lines += [
            f"{found.function} on {one.profile}: {'fits' if one.fits else 'DOES NOT FIT'}",
            *_rows(one),
            *_blame(one),
        ]
        if one.unmeasured:
            lines.append(f"  {len(one.unmeasured)} more limits are not measured here: edgefn limits show {one.profile}")
    samples = f"{found.samples} sample{'s' if found.samples > 1 else ''}"
    return "\n".join([*lines, f"  the most of {samples}; figures of this machine, an estimate of the platform"])


def _rows(one: "Table") -> list[str]:
    rows = [("limit", "measured", "allowed", "headroom", "", "")]
    rows += [
        (
            row.limit,
            _amount(row, row.measured),
            _amount(row, row.allowed),
            f"{100 * row.headroom:.0f} %",
            _VERDICTS[row.verdict],
            row.sample if row.verdict != "fits" else "",
        )
        for row in one.rows
    ]
    return table(rows, right=(1, 2, 3))


def _blame(one: "Table") -> list[str]:
    lines = []
    for row in one.rows:
        if row.blame or row.advice:
            lines += [f"  {row.limit}:", *(f"    {part}" for part in row.blame)]
            lines += [f"    try: {row.advice}"] if row.advice else []
    return lines


def _amount(row: "Row", value: float) -> str:
    return milliseconds(value) if row.unit == "ms" else size(value)
