import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def load(name):
    """A module of functions/digits, which is a folder and no package."""
    spec = importlib.util.spec_from_file_location(f"digits_{name}", ROOT / "functions" / "digits" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def png():
    return load("png")


@pytest.fixture(scope="session")
def picture(png):
    before = sys.modules.get("png")
    sys.modules["png"] = png  # as inside the component, where the function's folder is on the path
    try:
        return load("picture")
    finally:
        if before is None:
            del sys.modules["png"]
        else:
            sys.modules["png"] = before
