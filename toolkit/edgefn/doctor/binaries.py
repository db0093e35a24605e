"""Whether the engine's binaries are there, in every flavour and both link forms."""

from edgefn.doctor.diagnosis import Diagnosis
from edgefn.errors import EdgefnError

__all__ = ["diagnose"]

REMEDY = "run: pip install --force-reinstall --no-deps edgefn (in a checkout: pip install --no-deps -e .)"


def diagnose() -> Diagnosis:
    """Look for the extension module and the standalone module of each flavour."""
    from edgefn.engine import library  # noqa: PLC0415 -- a broken engine must not keep doctor from starting

    sizes: list[str] = []
    for flavour in library.FLAVOURS:
        for find in (library.extension_path, library.module_path):
            try:
                path = find(flavour)
            except EdgefnError as error:
                return Diagnosis("engine", "fail", error.message, error.hint or REMEDY)
            if not path.is_file() or path.stat().st_size == 0:
                return Diagnosis("engine", "fail", f"{flavour}: {path} is missing or empty", REMEDY)
            sizes.append(f"{flavour} {path.name} {path.stat().st_size:,} bytes")
    return Diagnosis("engine", "ok", ", ".join(sizes), "")
