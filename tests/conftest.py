import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from .engine.sanitized import sanitized_engine
from .models import real_models
from .runtimes import chromium, node, packages, workerd
from .tflite_writer import writer

__all__ = ["chromium", "node", "packages", "real_models", "sanitized_engine", "workerd", "writer"]

ROOT = Path(__file__).parents[1]

# A machine that does other work too fails no test.
settings.register_profile("edgefn", deadline=None)
settings.load_profile("edgefn")


class Cli:
    """The command line as a user runs it: another process, in a folder of its own."""

    def __call__(self, *arguments, cwd=None, timeout=300):
        return subprocess.run(
            [sys.executable, "-m", "edgefn.cli.app", *map(str, arguments)],
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, "NO_COLOR": "1", "COLUMNS": "160"},
            check=False,
        )

    def json(self, *arguments, **options):
        done = self(*arguments, "--json", **options)
        return done.returncode, json.loads(done.stdout)


@pytest.fixture(scope="session")
def edgefn():
    return Cli()


@pytest.fixture(scope="session")
def digits_folder():
    return ROOT / "functions" / "digits"


@pytest.fixture(scope="session")
def make_function(tmp_path_factory):
    """Makes a function's folder from a handler's source."""

    def make(handler, *, toml="", samples=None, name="trial"):
        folder = tmp_path_factory.mktemp("functions") / name
        (folder / "samples").mkdir(parents=True)
        (folder / "edgefn.toml").write_text(f'[function]\nname = "{name}"\n{toml}')
        (folder / "handler.py").write_text(handler)
        for key, sample in (samples or {}).items():
            (folder / "samples" / f"{key}.json").write_text(json.dumps(sample))
        return folder

    return make


@pytest.fixture(scope="session")
def digits_model():
    return ROOT / "models" / "digits" / "digits-int8.onnx"
