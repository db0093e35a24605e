"""`edgefn build`."""

from pathlib import Path

from edgefn.cli.output import Folder, Json, show

__all__ = ["build"]


def build(folder: Folder = Path(), *, json: Json = False) -> None:
    """Compile the models and build the component; do again only what has changed."""
    from edgefn.build import build as build_function
    from edgefn.project import load_function
    from edgefn.report import console

    show(build_function(load_function(folder)), console.build, as_json=json)
