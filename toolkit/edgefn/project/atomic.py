"""Whole files or none."""

import os
import secrets
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

__all__ = ["write_together", "write_whole"]


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` beside `path`, then rename: a reader sees the old file or the new one, never a part.

    A file that is mapped elsewhere (a precompiled component) stays valid there.
    """
    write_together({path: data})


def write_together(files: Mapping[Path, bytes]) -> None:
    """Write files as `write_whole` does, none before all of them lie beside their places."""
    with ExitStack() as cleanup:
        written: dict[Path, Path] = {}
        for path, data in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
            cleanup.callback(beside.unlink, missing_ok=True)
            beside.write_bytes(data)
            written[path] = beside
        for path, beside in written.items():
            beside.replace(path)
