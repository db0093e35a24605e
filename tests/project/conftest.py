from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A function that needs nothing: a handler, and the shortest edgefn.toml."""
    folder = tmp_path / "hello"
    (folder / "samples").mkdir(parents=True)
    (folder / "handler.py").write_text("def handle(request): ...\n")
    (folder / "edgefn.toml").write_text('[function]\nname = "hello"\n')
    return folder
