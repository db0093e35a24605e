"""Numbers and paths as people read them."""

from pathlib import Path

__all__ = ["duration", "exact_duration", "exact_size", "milliseconds", "place", "size"]

_SIZES = (
    *(("TiB", 1 << 40), ("GiB", 1 << 30), ("GB", 1e9), ("MiB", 1 << 20), ("MB", 1e6)),
    *(("kB", 1e3), ("KiB", 1 << 10)),
)


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


def exact_size(nbytes: float) -> str:
    """Bytes in the largest unit, binary or decimal, that leaves a whole number: 64 MiB, 128 MB, 8,192 bytes."""
    for unit, scale in _SIZES:
        if nbytes >= scale and nbytes % scale == 0:
            return f"{nbytes // scale:,.0f} {unit}"
    return f"{nbytes:,.10g} bytes"


def exact_duration(value: float) -> str:
    """Milliseconds in the largest unit that leaves a whole number: 10 ms, 30 s, 5 min."""
    for unit, scale in (("min", 60_000), ("s", 1000)):
        if value >= scale and value % scale == 0:
            return f"{value // scale:,.0f} {unit}"
    return f"{value:,.10g} ms"
