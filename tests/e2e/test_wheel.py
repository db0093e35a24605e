"""The built wheel, in an empty environment, outside the repository."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]


def run(*arguments, cwd):
    done = subprocess.run(
        list(map(str, arguments)),
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", out, ROOT, cwd=out)
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_is_pure_and_holds_engine_templates_and_targets(wheel):
    assert wheel.name.endswith("py3-none-any.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "edgefn/_shared/templates/functions/hello/handler.py" in names
    assert "edgefn/_shared/wrangler/README.md" in names
    assert "edgefn/_shared/fastly/README.md" in names
    assert "edgefn/build/javascript/model.js.jinja" in names
    assert "edgefn/report/profile.html.jinja" in names
    assert {
        f"edgefn/engine/lib/{flavour}/{file}"
        for flavour in ("simd128", "relaxed-simd")
        for file in ("engine.wasm", "_edgefn_engine.abi3.so")
    } <= set(names)
    assert not [name for name in names if name.startswith(("tests/", "models/"))]


def test_new_build_and_test_run_from_the_installed_wheel(wheel, tmp_path):
    run(sys.executable, "-m", "venv", "env", cwd=tmp_path)
    edgefn = tmp_path / "env" / "bin" / "edgefn"
    run(tmp_path / "env" / "bin" / "python", "-m", "pip", "install", "-q", wheel, cwd=tmp_path)
    run(edgefn, "new", "greeter", cwd=tmp_path)
    assert "built" in run(edgefn, "build", "greeter", cwd=tmp_path)
    assert "3 passed, 0 failed" in run(edgefn, "test", "greeter", cwd=tmp_path)
