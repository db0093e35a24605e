"""What the verbs share: data to stdout, narration to stderr, and the parameters that several of them take."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgefn.errors import EdgefnError

if TYPE_CHECKING:
    from edgefn.limits import Profile
    from edgefn.project import Function

__all__ = ["Folder", "Json", "Profiles", "limits_of", "narrate", "narrate_work", "print_error", "profiles_from", "show"]

PROFILES = ("cloudflare-free", "cloudflare-paid", "fastly")

Folder = Annotated[Path, typer.Argument(help="The function's folder, with its edgefn.toml.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def profiles_from(begun: str) -> list[str]:
    """What a shell offers where a limits profile is to be named."""
    from edgefn.limits import profile_names

    return [name for name in profile_names() if name.startswith(begun)]


Profiles = Annotated[
    list[str] | None,
    typer.Option(
        help=f"A limits profile; may be given again. [default: {', '.join(PROFILES)}]", autocompletion=profiles_from
    ),
]


def limits_of(function: "Function", names: list[str] | None) -> "tuple[Profile, ...]":
    """The profiles by name, or the default ones, with the function's budgets under them."""
    from edgefn.limits import load_profile, tighten

    return tuple(tighten(load_profile(name), function.budgets) for name in names or PROFILES)


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
