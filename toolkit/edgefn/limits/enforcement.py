"""How strictly a profile is applied while a function is being written."""

from dataclasses import replace
from enum import StrEnum

from edgefn.limits.profile import Profile

__all__ = ["Enforcement", "loosened"]

# What stops a handler that nothing else would: an endless loop still ends, and memory is the machine's own.
_CEILINGS = {"cpu_ms": 30_000.0, "wall_ms": 300_000.0, "memory_bytes": 1_000_000_000.0}


class Enforcement(StrEnum):
    """Stop what is beyond a limit as the platform does; let it go on and say so; or do not look."""

    ENFORCE = "enforce"
    WARN = "warn"
    OFF = "off"


def loosened(profile: Profile) -> Profile:
    """The profile with limits that no ordinary request meets, to be watched instead."""
    limits = [
        replace(limit, value=max(limit.value, _CEILINGS[limit.name]))
        for limit in profile.limits
        if limit.name in _CEILINGS
    ]
    return replace(profile, limits=tuple(limits))
