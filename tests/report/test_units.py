import pytest

from edgefn.report.units import milliseconds, size


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
