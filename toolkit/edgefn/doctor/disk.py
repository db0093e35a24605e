"""Whether there is room to build."""

import shutil
import tempfile

from edgefn.doctor.diagnosis import Diagnosis
from edgefn.project.cache import cache_root

__all__ = ["diagnose"]

LITTLE = 1_000_000_000
TOO_LITTLE = 200_000_000  # a component, its stage and its compiled form, with a margin


def diagnose() -> Diagnosis:
    """Ask for the free space where components are staged and where they are cached."""
    try:
        places = {str(cache_root()), tempfile.gettempdir()}
    except OSError as error:
        message = f"no folder to write to: {error.filename or ''} {error.strerror}"
        return Diagnosis("disk", "fail", message, "export EDGEFN_CACHE=/path/to/a/writable/folder")
    free, place = min((shutil.disk_usage(place).free, place) for place in places)
    message = f"{free / 1e9:.1f} GB free in {place}"
    if free < LITTLE:
        return Diagnosis("disk", "fail" if free < TOO_LITTLE else "warn", message, f"free some space: du -sh {place}/*")
    return Diagnosis("disk", "ok", message, "")
