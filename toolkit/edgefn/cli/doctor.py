"""`edgefn doctor`."""

import typer

from edgefn.cli.output import Json, show

__all__ = ["doctor"]


def doctor(*, json: Json = False) -> None:
    """Check this installation, and say how to mend what is wrong."""
    from edgefn.doctor import run_checks
    from edgefn.report import console

    found = run_checks()
    show(found, console.diagnoses, as_json=json)
    if any(d.status in ("fail", "error") for d in found):
        raise typer.Exit(1)
