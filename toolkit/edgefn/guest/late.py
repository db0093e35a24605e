"""Imports that would happen too late: inside functions, when there are no files any more."""

import sys
from contextlib import suppress
from importlib import import_module

__all__ = ["load_late"]


def load_late(late: "dict[str, dict[str, list[str]]]") -> None:
    """Import what the modules loaded so far import when they are called, and what those do in turn.

    `late` has the names by module, as the import audit found them: `required`, and `optional` whose failure is caught.
    Raises ImportError for a required one.
    """
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
