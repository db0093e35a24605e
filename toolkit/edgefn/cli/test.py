"""`edgefn test`."""

from pathlib import Path
from typing import Annotated

import typer

from edgefn.cli.output import Folder, Json, narrate, show

__all__ = ["PROFILES", "test"]

PROFILES = ("cloudflare-free", "cloudflare-paid", "fastly")


def test(
    folder: Folder = Path(),
    *,
    profile: Annotated[
        list[str] | None,
        typer.Option(help="A limits profile; may be given again. [default: cloudflare-free, cloudflare-paid, fastly]"),
    ] = None,
    sample: Annotated[
        list[str] | None, typer.Option(help="A sample by name; may be given again. [default: all]")
    ] = None,
    json: Json = False,
) -> None:
    """Run the samples against their expectations under the limits of each platform."""
    from edgefn.build import build
    from edgefn.limits import load_profile, tighten
    from edgefn.project import load_function
    from edgefn.report import console
    from edgefn.testing import run_samples

    function = load_function(folder)
    profiles = tuple(tighten(load_profile(name), function.budgets) for name in profile or PROFILES)
    built = build(function)
    narrate(f"{'unchanged' if built.reused else 'built'} {built.component}")
    run = run_samples(function, built, profiles, tuple(sample or ()))
    show(run, console.test, as_json=json)
    if not run.passed:
        raise typer.Exit(1)
