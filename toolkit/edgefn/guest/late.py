"""Imports that would happen too late: inside functions, when there are no files any more."""

import codecs
import sys
from contextlib import suppress
from importlib import import_module

__all__ = ["load_late"]

# A codec is a module, which is imported when its encoding is first used. Samples that use others load those.
ENCODINGS = (
    *("ascii", "cp1252", "idna", "iso8859-1", "punycode"),
    *("unicode_escape", "utf-16", "utf-16-be", "utf-16-le", "utf-8-sig"),
)


def load_late(late: "dict[str, dict[str, list[str]]]") -> None:
    """Import what the modules loaded so far import when they are called, and what those do in turn.

    `late` has the names by module, as the import audit found them: `required`, and `optional` whose failure is caught.
    Raises ImportError for a required one.
    """
    for encoding in ENCODINGS:
        codecs.lookup(encoding)
    done: set[str] = set()
    while loaded := sorted((late.keys() & sys.modules.keys()) - done):
        done.update(loaded)
        for module in loaded:
            for name in late[module]["required"]:
                _load(name)
            for name in late[module]["optional"]:
                with suppress(Exception):
                    _load(name)


def _load(name: str) -> None:
    """Import `name`: a module, or something inside one."""
    try:
        import_module(name)
    except ModuleNotFoundError as error:
        parent, _, last = name.rpartition(".")
        if error.name != name or not hasattr(sys.modules.get(parent), last):
            raise
