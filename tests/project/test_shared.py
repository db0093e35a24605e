import pytest

from edgefn.errors import UsageError
from edgefn.project import shared, shared_folder


@pytest.mark.parametrize("name", ["fastly", "templates", "wrangler"])
def test_a_checkout_has_every_folder(name):
    assert shared_folder(name).is_dir()
    assert shared_folder(name).name == name


def test_an_installed_wheel_is_preferred(tmp_path, monkeypatch):
    (tmp_path / "toolkit/edgefn/_shared/templates").mkdir(parents=True)
    (tmp_path / "templates").mkdir()
    monkeypatch.setattr(shared, "files", lambda _: tmp_path / "toolkit/edgefn")
    assert shared_folder("templates") == tmp_path / "toolkit/edgefn/_shared/templates"


def test_a_missing_folder_says_where_it_looked(tmp_path, monkeypatch):
    monkeypatch.setattr(shared, "files", lambda _: tmp_path / "a/edgefn")
    with pytest.raises(UsageError) as caught:
        shared_folder("wrangler")
    assert caught.value.code == "EFN-U012"
    assert str(tmp_path / "wrangler") in caught.value.message
