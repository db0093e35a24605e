"""Benchmarks. Each also notes its figure, and `make bench` ends with all of them as the table of
docs/reference/performance.md."""

from pathlib import Path

import pytest

from edgefn.build import build
from edgefn.project import load_function

ROOT = Path(__file__).parents[2]
FIGURES = pytest.StashKey()


def pytest_configure(config):
    config.stash[FIGURES] = []


@pytest.fixture
def figure(request):
    """Note one line of the table: what was measured, the figure, and what it is held against."""

    def note(what, measured, wanted=""):
        request.config.stash[FIGURES].append(f"| {what} | {measured} | {wanted} |")

    return note


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter, config):
    if config.stash[FIGURES] and config.getoption("benchmark_enable"):
        terminalreporter.write_line("\n| what | measured | wanted |\n|---|---|---|")
        for line in config.stash[FIGURES]:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def digits():
    """The digits function, built."""
    return build(load_function(ROOT / "functions" / "digits"))


@pytest.fixture(scope="session")
def empty(tmp_path_factory):
    """A function with an empty handler, built."""
    folder = tmp_path_factory.mktemp("empty")
    (folder / "edgefn.toml").write_text('[function]\nname = "empty"\n')
    (folder / "handler.py").write_text(
        'from edgefn import Response\n\n\ndef handle(request):\n    return Response(b"ok")\n'
    )
    return build(load_function(folder))
