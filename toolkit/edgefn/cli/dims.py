"""--dim NAME=SIZE, as often as there are open dimensions."""

from collections.abc import Iterable

from edgefn.errors import UsageError

__all__ = ["sizes"]


def sizes(written: Iterable[str] | None) -> dict[str, int]:
    """Sizes by name. Raises UsageError EFN-U043 for what is no NAME=SIZE, or a name given two sizes."""
    found: dict[str, int] = {}
    for one in written or ():
        name, _, size = one.rpartition("=")
        if not name or not size.isascii() or not size.isdecimal():
            raise UsageError("EFN-U043", f"--dim {one!r} is no NAME=SIZE", hint="write for example: --dim seq=128")
        if found.setdefault(name, int(size)) != int(size):
            message = f"--dim gives {name} the sizes {found[name]} and {size}"
            raise UsageError("EFN-U043", message, hint="give it one size")
    return found
