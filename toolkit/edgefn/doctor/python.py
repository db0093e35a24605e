"""Whether this Python is one that edgefn supports."""

import sys

from edgefn.doctor.diagnosis import Diagnosis

__all__ = ["diagnose"]

OLDEST = (3, 12)


def diagnose(version: tuple[int, int] = sys.version_info[:2]) -> Diagnosis:
    """Compare the running interpreter with the oldest supported one."""
    message = f"Python {version[0]}.{version[1]} at {sys.executable}"
    if version < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        return Diagnosis(
            "python", "fail", f"{message}, edgefn needs {oldest} or newer", f"python{oldest} -m venv .venv"
        )
    return Diagnosis("python", "ok", message, "")
