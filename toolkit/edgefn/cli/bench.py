"""`edgefn bench`."""

from pathlib import Path
from typing import Annotated

import typer

from edgefn.cli.output import Folder, Json, Profiles, limits_of, show

__all__ = ["bench"]


def bench(
    folder: Folder = Path(),
    *,
    profile: Profiles = None,
    sample: Annotated[str | None, typer.Option(help="The sample to send. [default: the first]")] = None,
    cold: Annotated[int, typer.Option(min=2, max=10_000, help="Fresh instances.")] = 50,
    warm: Annotated[int, typer.Option(min=2, max=1_000_000, help="Requests on a reused instance.")] = 500,
    json: Json = False,
) -> None:
    """Measure cold start, latency, CPU, memory and sizes beside each platform's limits; fails when one is exceeded."""
    from edgefn.bench import measure
    from edgefn.build import build
    from edgefn.project import demand_samples, load_function
    from edgefn.report import console

    function = load_function(folder)
    profiles = limits_of(function, profile)
    first, *_ = demand_samples(function, (sample,) if sample else ())
    run = measure(build(function), first, profiles, cold=cold, warm=warm)
    show(run, console.bench, as_json=json)
    if not run.fits:
        raise typer.Exit(1)
