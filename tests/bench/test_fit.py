"""What is measured, beside what a platform allows."""

import pytest

from edgefn.bench.fit import Figures, fit
from edgefn.limits import load_profile

FIGURES = Figures(17_000_000, 6_000_000, start_ms=5_000.0, fresh_cpu_ms=60.0, cpu_ms=2.0, memory_bytes=30_000_000)


@pytest.mark.parametrize(("profile", "measured", "fits"), [("fastly", 60.0, False), ("cloudflare-free", 2.0, True)])
def test_cpu_is_that_of_a_fresh_instance_where_each_request_gets_one(profile, measured, fits):
    cpu = next(gauge for gauge in fit(FIGURES, load_profile(profile)).gauges if gauge.name == "cpu")
    assert (cpu.measured, cpu.fits) == (measured, fits)


def test_a_limit_of_something_else_than_what_is_measured_is_shown_and_not_judged():
    found = fit(FIGURES, load_profile("cloudflare-free"))
    start = next(gauge for gauge in found.gauges if gauge.name == "start")
    assert (start.measured, start.limit, start.fits) == (5_000.0, 1000, None)
    assert found.fits


def test_the_package_counts_as_the_platform_counts_it():
    sizes = {name: fit(FIGURES, load_profile(name)).gauges[0].measured for name in ("fastly", "cloudflare-free")}
    assert sizes == {"fastly": 6_000_000, "cloudflare-free": 17_000_000}
