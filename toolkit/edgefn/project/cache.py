"""Content-addressed files kept between runs: whatever is in here can be made again."""

import hashlib
import os
from pathlib import Path

from edgefn.project.atomic import write_whole

__all__ = ["Cache", "cache_root", "digest"]


def cache_root() -> Path:
    """The user's folder for all kinds: EDGEFN_CACHE, else edgefn under XDG_CACHE_HOME, else ~/.cache/edgefn."""
    own = os.environ.get("EDGEFN_CACHE")
    root = Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgefn"
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    return root


class Cache:
    """Files of one kind, by key. When they exceed `max_bytes` together, those used longest ago go."""

    def __init__(self, kind: str, suffix: str, max_bytes: int) -> None:
        self._kind = kind
        self._suffix = suffix
        self._max_bytes = max_bytes

    def find(self, key: str) -> Path | None:
        """The file under `key`, now the one used last; None when there is none."""
        path = self._path(key)
        try:
            os.utime(path)
        except OSError:
            return None
        return path

    def keep(self, key: str, data: bytes) -> Path:
        """Keep `data` under `key`, and return its file. A file that another process has mapped stays valid there."""
        path = self._path(key)
        write_whole(path, data)
        self._trim(path)
        return path

    def _path(self, key: str) -> Path:
        return cache_root() / self._kind / f"{key}{self._suffix}"

    def _trim(self, newest: Path) -> None:
        found = []
        for path in newest.parent.glob(f"*{self._suffix}"):
            try:
                found.append((path.stat().st_mtime, path.stat().st_size, path))
            except FileNotFoundError:
                continue  # another process trims too
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= self._max_bytes or path == newest:
                return
            path.unlink(missing_ok=True)
            total -= size


def digest(*parts: bytes | str) -> str:
    """SHA-256 of the parts, each preceded by its length so that no two lists collide."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "little"))
        total.update(data)
    return total.hexdigest()
