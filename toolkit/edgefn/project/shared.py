"""Files that ship beside the package: templates, and the files of each target."""

from importlib.resources import files
from pathlib import Path
from typing import Literal

from edgefn.errors import UsageError

__all__ = ["SharedName", "shared_folder"]

type SharedName = Literal["fastly", "templates", "wrangler"]


def shared_folder(name: SharedName) -> Path:
    """Find the folder: inside an installed wheel, else in the checkout. Raises UsageError (EFN-U012)."""
    package = Path(str(files("edgefn")))
    places = (package / "_shared" / name, package.parent.parent / name)
    for place in places:
        if place.is_dir():
            return place
    looked = " and ".join(map(str, places))
    raise UsageError(
        "EFN-U012",
        f"the folder {name} of edgefn is missing: looked in {looked}",
        hint="run: pip install --force-reinstall edgefn",
    )
