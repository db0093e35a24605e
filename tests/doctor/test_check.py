from collections import namedtuple
from datetime import date, timedelta
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from edgefn.doctor import Diagnosis, binaries, cache, disk, pins, profiles, python, run_checks
from edgefn.doctor.check import CHECKS
from edgefn.engine import library
from edgefn.limits import load_profile, profile_names

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


def reviewed(*days):
    """Stands in for the profiles: one of a platform for each day, and our own host's, which is of long ago."""
    found = {f"p{at}": SimpleNamespace(name=f"p{at}", platform="somebody", date=day) for at, day in enumerate(days)}
    return {**found, "node": SimpleNamespace(name="node", platform="node", date=date(2001, 1, 1))}


@pytest.mark.parametrize(("age", "status"), [(0, "ok"), (120, "ok"), (121, "warn"), (4000, "warn")])
def test_profiles_that_were_not_reviewed_for_120_days_warn(monkeypatch, age, status):
    today = date(2030, 1, 1)
    known = reviewed(today, today - timedelta(days=age))
    monkeypatch.setattr(profiles, "profile_names", lambda: tuple(known))
    monkeypatch.setattr(profiles, "load_profile", known.__getitem__)
    found = profiles.diagnose(today)
    assert found.status == status
    assert f"{age} days" in found.message
    assert ("p1" in found.message) == (status == "warn")
    assert "node" not in found.message


def test_a_clock_from_before_the_review_is_noticed(monkeypatch):
    known = reviewed(date(2026, 11, 25))
    monkeypatch.setattr(profiles, "profile_names", lambda: tuple(known))
    monkeypatch.setattr(profiles, "load_profile", known.__getitem__)
    found = profiles.diagnose(date(1970, 1, 1))
    assert found.status == "warn"
    assert "clock says 1970-01-01" in found.message
    assert "clock" in found.remedy


def test_the_profiles_that_ship_are_recent_on_the_day_after_their_review():
    latest = max(load_profile(name).date for name in profile_names())
    assert profiles.diagnose(latest + timedelta(days=1)).status == "ok"


@pytest.mark.parametrize(("free", "status"), [(10**11, "ok"), (5 * 10**8, "warn"), (10**6, "fail")])
def test_little_room_warns_and_too_little_fails(monkeypatch, tmp_path, free, status):
    monkeypatch.setenv("EDGEFN_CACHE", str(tmp_path))
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(free, 0, free))
    assert disk.diagnose().status == status
