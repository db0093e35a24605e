"""Whether edgefn can keep what it compiles."""

import tempfile

from edgefn.doctor.diagnosis import Diagnosis
from edgefn.project.cache import cache_root

__all__ = ["diagnose"]


def diagnose() -> Diagnosis:
    """Write a file into the cache folder."""
    try:
        folder = cache_root()
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"edgefn")
    except OSError as error:
        message = f"the cache folder cannot be written: {error.filename or ''} {error.strerror}"
        return Diagnosis("cache", "fail", message, "export EDGEFN_CACHE=/path/to/a/writable/folder")
    return Diagnosis("cache", "ok", f"{folder} can be written", "")
