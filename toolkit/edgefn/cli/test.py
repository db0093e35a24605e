"""`edgefn test`."""

from pathlib import Path
from typing import Annotated

import typer

from edgefn.cli.output import Folder, Json, Profiles, limits_of, show

__all__ = ["test"]


def test(
    folder: Folder = Path(),
    *,
    profile: Profiles = None,
    sample: Annotated[
        list[str] | None, typer.Option(help="A sample by name; may be given again. [default: all]")
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write the results as JUnit's XML, too.")] = None,
    json: Json = False,
) -> None:
    """Run the samples against their expectations under the limits of each platform."""
    from edgefn.build import build
    from edgefn.project import load_function
    from edgefn.project.atomic import refuse_target, write_whole
    from edgefn.report import console
    from edgefn.report import junit as xml
    from edgefn.testing import run_samples

    if junit:
        refuse_target(junit, xml.HEAD)
    function = load_function(folder)
    profiles = limits_of(function, profile)
    run = run_samples(function, build(function), profiles, tuple(sample or ()))
    if junit:
        write_whole(junit, xml.junit(run))
    show(run, console.test, as_json=json)
    if not run.passed:
        raise typer.Exit(1)
