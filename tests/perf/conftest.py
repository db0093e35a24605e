"""Benchmarks. Each also notes its figures, and `make bench` ends with all of them as the tables of
docs/reference/performance.md."""

from pathlib import Path

import pytest

from edgefn.build import build
from edgefn.project import load_function

ROOT = Path(__file__).parents[2]
TABLES = pytest.StashKey()


def pytest_configure(config):
    config.stash[TABLES] = {}


@pytest.fixture
def line(request):
    """Note one line of the table that has this header."""

    def note(header, cells):
        request.config.stash[TABLES].setdefault(header, []).append(cells)

    return note


@pytest.fixture
def figure(line):
    """Note one line of the first table: what was measured, the figure, and what it is held against."""

    def note(what, measured, wanted=""):
        line(("what", "measured", "wanted"), (what, measured, wanted))

    return note


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter, config):
    if config.getoption("benchmark_enable"):
        for header, lines in config.stash[TABLES].items():
            terminalreporter.write_line("")
            for cells in (header, ["---"] * len(header), *lines):
                terminalreporter.write_line(f"| {' | '.join(cells)} |")


@pytest.fixture(scope="session")
def digits():
    """The digits function, built."""
    return build(load_function(ROOT / "functions" / "digits"))


@pytest.fixture(scope="session")
def empty(make_function):
    """A function with an empty handler, built."""
    handler = 'from edgefn import Response\n\n\ndef handle(request):\n    return Response(b"ok")\n'
    return build(load_function(make_function(handler, name="empty")))
