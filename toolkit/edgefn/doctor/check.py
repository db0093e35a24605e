"""All checks, in the order a person would make them."""

from collections.abc import Callable

from edgefn.doctor import binaries, cache, disk, pins, profiles, python
from edgefn.doctor.diagnosis import Diagnosis

__all__ = ["CHECKS", "Diagnosis", "run_checks"]

type Check = Callable[[], Diagnosis]

CHECKS: tuple[tuple[str, Check], ...] = (
    ("python", python.diagnose),
    ("pinned versions", pins.diagnose),
    ("engine", binaries.diagnose),
    ("cache", cache.diagnose),
    ("disk", disk.diagnose),
    ("limits profiles", profiles.diagnose),
)


def run_checks(checks: tuple[tuple[str, Check], ...] = CHECKS) -> tuple[Diagnosis, ...]:
    """Run every check; one that raises is reported as `error`, never as ok, and does not stop the others."""
    return tuple(_run(name, check) for name, check in checks)


def _run(name: str, check: Check) -> Diagnosis:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 -- a check may fail in any way; what it would have found is then unknown
        message = f"the check itself failed: {type(error).__name__}: {error}"
        return Diagnosis(name, "error", message, "run: pip install --force-reinstall edgefn")
