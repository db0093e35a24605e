from pathlib import Path

import pytest

from edgefn.report.units import milliseconds, place, size


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


def test_a_path_is_shown_as_it_would_be_typed_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert place(tmp_path / "a" / "b.wasm") == str(Path("a", "b.wasm"))
    assert place(tmp_path.parent / "c.wasm") == str(tmp_path.parent / "c.wasm")
