from collections import namedtuple
from datetime import date
from importlib import metadata
from pathlib import Path

import pytest

from edgefn.doctor import Diagnosis, binaries, cache, disk, pins, profiles, python, run_checks
from edgefn.doctor.check import CHECKS
from edgefn.engine import library

Usage = namedtuple("Usage", "total used free")


def test_every_check_reports_under_its_own_name():
    assert [one.name for one in run_checks()] == [name for name, _ in CHECKS]


def test_whatever_is_not_ok_has_a_remedy():
    assert all(one.remedy for one in run_checks() if one.status != "ok")


def test_a_check_that_raises_is_an_error_and_the_others_still_run():
    def broken() -> Diagnosis:
        raise ZeroDivisionError("inside")

    first, second = run_checks((("broken", broken), ("python", python.diagnose)))
    assert (first.name, first.status) == ("broken", "error")
    assert "ZeroDivisionError: inside" in first.message
    assert second.status == "ok"


def test_an_old_python_fails():
    assert python.diagnose((3, 11)).status == "fail"
    assert python.diagnose((3, 12)).status == "ok"


def test_pinned_versions_are_read_from_our_own_requirements(monkeypatch):
    requires = ["componentize-py==0.25.1", "wasmtime==50.0.1 ; python_version > '3'", "numpy>=2.1"]
    monkeypatch.setattr(metadata, "requires", lambda _: requires)
    monkeypatch.setattr(metadata, "version", {"componentize-py": "0.25.1", "wasmtime": "50.0.1"}.__getitem__)
    assert pins.diagnose().status == "ok"
    monkeypatch.setattr(metadata, "version", {"componentize-py": "0.25.1", "wasmtime": "51.0.0"}.__getitem__)
    found = pins.diagnose()
    assert found.status == "fail"
    assert "wasmtime 51.0.0 instead of 50.0.1" in found.message
    assert found.remedy == "pip install componentize-py==0.25.1 wasmtime==50.0.1"


def test_a_requirement_that_is_no_longer_pinned_is_an_error_not_a_pass(monkeypatch):
    monkeypatch.setattr(metadata, "requires", lambda _: ["wasmtime>=50"])
    monkeypatch.setattr(metadata, "version", lambda _: "1")
    (found,) = run_checks((("pinned versions", pins.diagnose),))
    assert found.status == "error"


def test_a_missing_or_empty_engine_binary_fails(monkeypatch, tmp_path):
    def place(flavour: str) -> Path:
        return tmp_path / f"{flavour}.wasm"

    monkeypatch.setattr(library, "extension_path", place)
    monkeypatch.setattr(library, "module_path", place)
    assert binaries.diagnose().status == "fail"
    for flavour in library.FLAVOURS:
        place(flavour).touch()
    assert binaries.diagnose().status == "fail"
    for flavour in library.FLAVOURS:
        place(flavour).write_bytes(b"\0asm")
    assert binaries.diagnose().status == "ok"


def test_a_cache_that_cannot_be_written_fails(monkeypatch, tmp_path):
    monkeypatch.setenv("EDGEFN_CACHE", str(tmp_path / "cache"))
    assert cache.diagnose().status == "ok"
    (tmp_path / "file").touch()
    monkeypatch.setenv("EDGEFN_CACHE", str(tmp_path / "file"))
    found = cache.diagnose()
    assert found.status == "fail"
    assert "EDGEFN_CACHE" in found.remedy


@pytest.mark.parametrize(("today", "status"), [(date(2026, 11, 24), "ok"), (date(2027, 11, 24), "warn")])
def test_profiles_that_were_not_reviewed_for_half_a_year_warn(today, status):
    assert profiles.diagnose(today).status == status


@pytest.mark.parametrize(("free", "status"), [(10**11, "ok"), (5 * 10**8, "warn"), (10**6, "fail")])
def test_little_room_warns_and_too_little_fails(monkeypatch, tmp_path, free, status):
    monkeypatch.setenv("EDGEFN_CACHE", str(tmp_path))
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(free, 0, free))
    assert disk.diagnose().status == status
