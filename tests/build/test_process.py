import sys

import pytest

from edgefn.build.process import run
from edgefn.errors import BuildError


def test_both_streams_and_the_status_come_back(tmp_path):
    done = run(
        [sys.executable, "-c", "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"],
        folder=tmp_path,
        seconds=30,
    )
    assert done.status == 3
    assert sorted(done.output.split()) == ["err", "out"]


def test_the_environment_is_scrubbed(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_SECRET", "x")
    done = run([sys.executable, "-c", "import os; print('MY_SECRET' in os.environ)"], folder=tmp_path, seconds=30)
    assert done.output.strip() == "False"


def test_a_process_that_does_not_end_is_killed(tmp_path):
    with pytest.raises(BuildError, match=r"did not end within 0\.5 s"):
        run([sys.executable, "-c", "while True: pass"], folder=tmp_path, seconds=0.5)


def test_a_program_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BuildError, match="no-such-program"):
        run(["no-such-program"], folder=tmp_path, seconds=1)
