"""New functions from templates."""

import re
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from edgefn.errors import UsageError
from edgefn.project.shared import shared_folder

__all__ = ["Scaffolded", "scaffold"]

NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


@dataclass(frozen=True, slots=True)
class Scaffolded:
    folder: Path
    template: str
    files: tuple[str, ...]


def scaffold(folder: Path, template: str) -> Scaffolded:
    """Fill `folder`, which must not exist or be empty, from templates/functions/TEMPLATE; all of it or nothing.

    Files that end in .jinja are rendered with `name`, the rest is copied.
    """
    name = folder.resolve().name
    if not NAME.fullmatch(name):
        raise UsageError(
            "EFN-U001",
            f"{name!r} cannot be a function's name",
            hint="use lower-case letters, digits and dashes, a letter first",
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            "EFN-U002", f"{folder} exists and is not empty", hint="choose another name, or empty the folder first"
        )
    source = _template(template)
    beside = folder.resolve().with_name(f".{name}.{secrets.token_hex(4)}")
    try:
        files = tuple(_place(path, source, beside, name) for path in _files(source))
        if folder.exists():
            folder.rmdir()
        beside.rename(folder.resolve())
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return Scaffolded(folder, template, files)


def _template(name: str) -> Path:
    root = shared_folder("templates") / "functions"
    known = sorted(path.name for path in root.iterdir() if path.is_dir())
    if name not in known:
        raise UsageError("EFN-U003", f"no template {name!r}", hint=f"use one of: {', '.join(known)}")
    return root / name


def _files(source: Path) -> list[Path]:
    """A template's files, but not the __pycache__ that an installer leaves beside the .py files of a wheel."""
    return sorted(path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _place(path: Path, source: Path, target: Path, name: str) -> str:
    relative = path.relative_to(source)
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jinja":
        relative = relative.with_suffix("")
        # Sources are written here, not HTML.
        environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701
        text = environment.from_string(text).render(name=name)
    (target / relative).parent.mkdir(parents=True, exist_ok=True)
    (target / relative).write_text(text, encoding="utf-8")
    return relative.as_posix()
