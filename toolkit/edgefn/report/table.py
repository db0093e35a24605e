"""Rows of text under one another."""

from collections.abc import Iterable, Sequence

__all__ = ["shape", "short", "table"]

NAME_WIDTH = 48


def table(rows: Sequence[tuple[str, ...]], *, right: tuple[int, ...]) -> list[str]:
    """Lines with the cells of every column as wide as its widest; the columns in `right` end where others begin."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    lines = []
    for row in rows:
        cells = (
            cell.rjust(w) if i in right else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        lines.append(("  " + "  ".join(cells)).rstrip())
    return lines


def short(name: str) -> str:
    """A tensor's name for a table: TFLite joins those of all that was fused, and layers have long paths."""
    first = name.partition(";")[0]
    return first if len(first) <= NAME_WIDTH else f"…{first[1 - NAME_WIDTH :]}"


def shape(dims: Iterable[int | str]) -> str:
    return "x".join(str(n) for n in dims) or "scalar"
