"""Whole files or none."""

import os
import secrets
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from edgefn.errors import UsageError

__all__ = ["refuse_target", "write_together", "write_whole"]


def refuse_target(path: Path, head: bytes) -> None:
    """Say before long work that its result cannot be written to `path`, or would replace what is not of its kind.

    Every result of this kind begins with `head`. Raises UsageError EFN-U044.
    """
    reason = _obstacle(path)
    if not reason and path.exists():
        with path.open("rb") as file:
            reason = "" if file.read(len(head)) == head else "the file that is there was not made by edgefn"
    if reason:
        raise UsageError("EFN-U044", f"cannot write {path}: {reason}", hint="give the name of a new file")


def _obstacle(path: Path) -> str:
    """What is in the way of a file at `path`, or nothing."""
    nearest = next(parent for parent in path.absolute().parents if parent.exists())
    if path.is_dir():
        return "it is a folder"
    if path.exists() and not path.is_file():
        return "it is a device or a pipe"
    if not nearest.is_dir():
        return f"{nearest} is no folder"
    return "" if os.access(nearest, os.W_OK | os.X_OK) else f"nothing can be written in {nearest}"


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
