"""`edgefn limits`: what the platforms allow, and what edgefn does with it."""

import shutil
from typing import Annotated

import typer

from edgefn.cli.output import Json, profiles_from, show

__all__ = ["app"]

app = typer.Typer(
    help="Look up what the platforms allow, with source and date.", no_args_is_help=True, rich_markup_mode=None
)

Named = Annotated[str, typer.Argument(help="A limits profile.", show_default=False, autocompletion=profiles_from)]


@app.command("show")
def show_(
    profile: Annotated[
        str | None, typer.Argument(help="A limits profile. [default: a list of them]", autocompletion=profiles_from)
    ] = None,
    *,
    json: Json = False,
) -> None:
    """List the limits of a platform: value, scope, source and date, and whether edgefn enforces it; or the profiles."""
    from edgefn.limits import load_profile, overview
    from edgefn.report import limits as view

    if profile is None:
        show(overview(), view.overview, as_json=json)
    else:
        width = shutil.get_terminal_size().columns
        show(load_profile(profile), lambda one: view.profile(one, width), as_json=json)


@app.command()
def diff(a: Named, b: Named, *, json: Json = False) -> None:
    """Show where two profiles differ, which of them is tighter, and what only one of them has."""
    from edgefn.limits import compare_profiles, load_profile
    from edgefn.report import limits as view

    show(compare_profiles(load_profile(a), load_profile(b)), view.comparison, as_json=json)
