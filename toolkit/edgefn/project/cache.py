"""Where content-addressed things are kept between runs."""

import hashlib
import os
from pathlib import Path

__all__ = ["cache_folder", "digest"]


def cache_folder(kind: str) -> Path:
    """The user's folder for `kind` (plans, compiled): under EDGEFN_CACHE, else XDG_CACHE_HOME, else ~/.cache."""
    own = os.environ.get("EDGEFN_CACHE")
    root = Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgefn"
    folder = root / kind
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def digest(*parts: bytes | str) -> str:
    """SHA-256 of the parts, each preceded by its length so that no two lists collide."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "little"))
        total.update(data)
    return total.hexdigest()
