from pathlib import Path

import pytest

from edgefn.build import build
from edgefn.project import load_function

ROOT = Path(__file__).parents[2]


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
