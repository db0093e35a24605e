"""`edgefn new`."""

from pathlib import Path
from typing import Annotated

import typer

from edgefn.cli.output import Json, show

__all__ = ["new"]


def new(
    folder: Annotated[Path, typer.Argument(help="The folder to make; its name becomes the function's.")],
    *,
    template: Annotated[str, typer.Option(help="One of the folders in templates/.")] = "hello",
    json: Json = False,
) -> None:
    """Make a new function from a template."""
    from edgefn.project.scaffold import scaffold
    from edgefn.report import console

    show(scaffold(folder, template), console.scaffold, as_json=json)
