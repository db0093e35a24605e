"""What a user asks of a function, in the units a person writes."""

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Budgets"]

# Budget key -> the limit it tightens, and how many of that limit's unit one of the budget's is. MB is 1,000,000 bytes.
_LIMITS = {
    "cpu_ms": ("cpu_ms", 1),
    "wall_ms": ("wall_ms", 1),
    "memory_mb": ("memory_bytes", 1_000_000),
    "package_mb": ("package_bytes", 1_000_000),
    "startup_ms": ("startup_ms", 1),
}


@dataclass(frozen=True, slots=True)
class Budgets:
    """The user's own limits under the platform's; None leaves the platform's."""

    cpu_ms: float | None = None
    wall_ms: float | None = None
    memory_mb: float | None = None
    package_mb: float | None = None
    startup_ms: float | None = None

    def limits(self) -> Iterator[tuple[str, float]]:
        """Every budget that is set, as the name of its limit and the value in that limit's unit."""
        for key, (limit, scale) in _LIMITS.items():
            value: float | None = getattr(self, key)
            if value is not None:
                yield limit, value * scale
