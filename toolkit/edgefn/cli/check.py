"""`edgefn check`."""

from pathlib import Path
from typing import Annotated

import typer

from edgefn.cli.output import PROFILES, Folder, Json, limits_of, show

__all__ = ["check"]


def check(
    folder: Folder = Path(),
    *,
    target: Annotated[
        list[str] | None,
        typer.Option(help=f"A platform or a limits profile; may be given again. [default: {', '.join(PROFILES)}]"),
    ] = None,
    json: Json = False,
) -> None:
    """Tell whether the function fits a platform: every limit that can be measured here, and what to blame."""
    from edgefn.bench import check as check_function
    from edgefn.build import build
    from edgefn.limits import profiles_of
    from edgefn.project import demand_samples, load_function
    from edgefn.report import check as view

    names = [name for one in target or () for name in profiles_of(one)]
    function = load_function(folder)
    profiles = limits_of(function, names or None)
    found = check_function(function, build(function), demand_samples(function), profiles)
    show(found, view.check, as_json=json)
    if not found.fits:
        raise typer.Exit(1)
