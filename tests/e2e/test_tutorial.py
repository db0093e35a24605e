"""The tutorial's blocks, run in order in an empty folder: files are written, commands must succeed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "tutorial" / "first-model.md"
BLOCK = re.compile(r"^```(sh|toml|python|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.e2e
def test_every_block_of_the_tutorial_works(tmp_path, digits_model):
    shutil.copy(digits_model, tmp_path / "digits.onnx")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    there = {"cwd": tmp_path, "env": {**os.environ, "PATH": path}}
    shown = ""
    for kind, text in BLOCK.findall(PAGE.read_text()):
        if kind == "sh":
            done = subprocess.run(["bash", "-ec", text], capture_output=True, text=True, check=False, **there)
            assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
            shown += done.stdout
        else:
            name, content = re.fullmatch(r"# (\S+)\n(.*)", text, re.DOTALL).groups()
            (tmp_path / name).write_text(content)
    assert "3 passed, 0 failed" in shown
    assert shown.count("fits") == 3
