"""Whether wasmtime and componentize-py are the versions that edgefn pins."""

import re
from importlib import metadata

from edgefn.doctor.diagnosis import Diagnosis

__all__ = ["diagnose"]

PINNED = ("componentize-py", "wasmtime")  # what a component is made with and run by, to the byte


def diagnose() -> Diagnosis:
    """Compare what is installed with the requirements in edgefn's own metadata."""
    pins = _pins(metadata.requires("edgefn") or [])
    found = {name: metadata.version(name) for name in PINNED}
    wrong = [f"{name} {found[name]} instead of {pins[name]}" for name in PINNED if found[name] != pins[name]]
    if wrong:
        wanted = " ".join(f"{name}=={pins[name]}" for name in PINNED)
        return Diagnosis("pinned versions", "fail", f"installed: {', '.join(wrong)}", f"pip install {wanted}")
    return Diagnosis("pinned versions", "ok", ", ".join(f"{name} {found[name]}" for name in PINNED), "")


def _pins(requirements: list[str]) -> dict[str, str]:
    """Pick the requirements of the form NAME==VERSION."""
    matches = (re.fullmatch(r"([A-Za-z0-9._-]+)\s*==\s*([^;,\s]+)\s*(?:;.*)?", one.strip()) for one in requirements)
    return {match[1].lower(): match[2] for match in matches if match}
