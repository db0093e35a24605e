from pathlib import Path

import pytest

from edgefn.report.units import duration, exact_duration, exact_size, milliseconds, place, size


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


@pytest.mark.parametrize(
    ("nbytes", "text"),
    [
        (512, "512 bytes"),
        (8192, "8 KiB"),
        (5000, "5 kB"),
        (128_000, "128 kB"),
        (131_072, "128 KiB"),
        (1_000_000, "1 MB"),
        (134_217_728, "128 MiB"),
        (64_500_000, "64,500 kB"),
        (10_240_000_000, "10,240 MB"),
        (5 << 40, "5 TiB"),
        (134_217_729, "134,217,729 bytes"),
        (1.5, "1.5 bytes"),
    ],
)
def test_a_limit_in_bytes_is_exact_in_the_unit_in_which_it_was_written(nbytes, text):
    assert exact_size(nbytes) == text


@pytest.mark.parametrize(
    ("value", "text"), [(10, "10 ms"), (0.5, "0.5 ms"), (1000, "1 s"), (1500, "1,500 ms"), (300_000, "5 min")]
)
def test_a_limit_in_milliseconds_is_exact_in_the_largest_unit(value, text):
    assert exact_duration(value) == text
