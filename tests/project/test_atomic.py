import os

import pytest

from edgefn.errors import UsageError
from edgefn.project.atomic import refuse_target, write_together


def test_files_are_written_together_or_not_at_all(tmp_path):
    (tmp_path / "old").write_bytes(b"old")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileExistsError):
        write_together({tmp_path / "old": b"new", tmp_path / "file" / "below": b""})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"old": b"old", "file": b""}
    write_together({tmp_path / "old": b"new", tmp_path / "folder" / "other": b"other"})
    assert (tmp_path / "old").read_bytes() == b"new"
    assert (tmp_path / "folder" / "other").read_bytes() == b"other"


@pytest.mark.parametrize("content", [b"// ours\nanything", b"// ours"])
def test_what_begins_as_ours_may_be_replaced(tmp_path, content):
    (tmp_path / "old").write_bytes(content)
    refuse_target(tmp_path / "old", b"// ours")
    refuse_target(tmp_path / "new", b"// ours")


@pytest.mark.parametrize("content", [b"", b"// our", b"\n// ours\n", b"/* about // ours */"])
def test_what_only_speaks_of_ours_may_not(tmp_path, content):
    (tmp_path / "mine").write_bytes(content)
    with pytest.raises(UsageError, match="the file that is there was not made by edgefn") as caught:
        refuse_target(tmp_path / "mine", b"// ours")
    assert caught.value.code == "EFN-U044"


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="it is a device or a pipe"):
        refuse_target(tmp_path / "pipe", b"// ours")
