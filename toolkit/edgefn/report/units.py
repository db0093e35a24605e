"""Numbers and paths as people read them."""

from pathlib import Path

__all__ = ["duration", "milliseconds", "place", "size"]


def place(path: Path) -> str:
    """A path as it is typed here: relative when it lies in the current folder."""
    try:
        here = Path.cwd()
    except FileNotFoundError:  # somebody removed the current folder
        return str(path)
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def size(nbytes: float) -> str:
    """Bytes in decimal units, three digits: 18.4 MB."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if nbytes >= scale:
            return f"{nbytes / scale:.3g} {unit}" if nbytes / scale < 1000 else f"{nbytes / scale:.0f} {unit}"
    return f"{nbytes:.0f} B"


def milliseconds(value: float) -> str:
    """Milliseconds, three digits: 0.0834 ms, 12.3 ms, 30,000 ms."""
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.3g} ms"


def duration(value: float, longest: float) -> str:
    """Milliseconds in the unit that suits `longest`, for a column of them: 0.13 µs above 12.60 µs, 4.310 ms."""
    return f"{1000 * value:,.2f} µs" if longest < 1 else f"{value:,.3f} ms"
