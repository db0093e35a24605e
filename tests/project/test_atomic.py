import pytest

from edgefn.project.atomic import write_together


def test_files_are_written_together_or_not_at_all(tmp_path):
    (tmp_path / "old").write_bytes(b"old")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileExistsError):
        write_together({tmp_path / "old": b"new", tmp_path / "file" / "below": b""})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"old": b"old", "file": b""}
    write_together({tmp_path / "old": b"new", tmp_path / "folder" / "other": b"other"})
    assert (tmp_path / "old").read_bytes() == b"new"
    assert (tmp_path / "folder" / "other").read_bytes() == b"other"
