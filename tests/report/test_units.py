from pathlib import Path

import pytest

from edgefn.report.units import duration, milliseconds, place, size


@pytest.mark.parametrize(
    ("nbytes", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (15_340, "15.3 kB"),
        (18_400_000, "18.4 MB"),
        (134_217_728, "134 MB"),
        (3e9, "3 GB"),
    ],
)
def test_sizes_have_three_digits(nbytes, text):
    assert size(nbytes) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.08341, "0.0834 ms"), (12.34, "12.3 ms"), (99.96, "100 ms"), (30_000, "30,000 ms")]
)
def test_milliseconds_have_three_digits(value, text):
    assert milliseconds(value) == text


def test_a_column_of_durations_has_one_unit():
    assert [duration(ms, longest=0.9) for ms in (0.9, 0.0126, 9e-6)] == ["900.00 µs", "12.60 µs", "0.01 µs"]
    assert [duration(ms, longest=1200.0) for ms in (1200.0, 4.31, 0.0004)] == ["1,200.000 ms", "4.310 ms", "0.000 ms"]


def test_a_path_is_shown_as_it_would_be_typed_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert place(tmp_path / "a" / "b.wasm") == str(Path("a", "b.wasm"))
    assert place(tmp_path.parent / "c.wasm") == str(tmp_path.parent / "c.wasm")
