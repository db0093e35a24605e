"""Data to stdout, narration to stderr."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from edgefn.errors import EdgefnError

__all__ = ["Folder", "Json", "narrate", "narrate_work", "print_error", "show"]

Folder = Annotated[Path, typer.Argument(help="The function's folder, with its edgefn.toml.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def show[Result](result: Result, view: Callable[[Result], str], *, as_json: bool) -> None:
    """Print a result on stdout: for people, or as JSON."""
    from edgefn.report.document import render

    print(render(result) if as_json else view(result))


def narrate(line: str) -> None:
    """Say on stderr what is going on."""
    print(line, file=sys.stderr, flush=True)


def narrate_work() -> None:
    """Say on stderr what long work is begun: libraries below log it."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("edgefn")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def print_error(error: EdgefnError, *, as_json: bool) -> None:
    """A failure: on stderr for people, and on stdout as JSON when that was asked for."""
    from edgefn.report import console, document

    if as_json:
        print(document.error_document(error))
    narrate(console.error(error))
