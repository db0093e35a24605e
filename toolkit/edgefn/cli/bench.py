"""`edgefn bench`."""

from pathlib import Path
from typing import Annotated

import typer

from edgefn.cli.output import Folder, Json, show

__all__ = ["bench"]


def bench(
    folder: Folder = Path(),
    *,
    profile: Annotated[str, typer.Option(help="The limits profile to stand beside.")] = "fastly",
    sample: Annotated[str | None, typer.Option(help="The sample to send. [default: the first]")] = None,
    cold: Annotated[int, typer.Option(min=2, max=10_000, help="Fresh instances.")] = 50,
    warm: Annotated[int, typer.Option(min=2, max=1_000_000, help="Requests on a reused instance.")] = 500,
    json: Json = False,
) -> None:
    """Measure cold start, latency, CPU, memory and sizes beside a platform's limits; fails when one is exceeded."""
    from edgefn.bench import measure
    from edgefn.build import build
    from edgefn.errors import ConfigError
    from edgefn.limits import load_profile, tighten
    from edgefn.project import load_function, load_samples
    from edgefn.report import console

    function = load_function(folder)
    limits = tighten(load_profile(profile), function.budgets)
    samples = load_samples(function, (sample,)) if sample else load_samples(function)
    if not samples:
        raise ConfigError(
            "EFN-C020",
            f"{function.folder} has no samples",
            hint="add samples/hello.json with a request and what you expect of the response",
        )
    built = build(function)
    package = built.sizes.compressed if limits.platform == "fastly" else built.sizes.total
    run = measure(built, samples[0], limits, package_bytes=package, cold=cold, warm=warm)
    show(run, console.bench, as_json=json)
    if not run.fits:
        raise typer.Exit(1)
