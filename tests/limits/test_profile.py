from datetime import date
from typing import get_args

import pytest

from edgefn.errors import UsageError
from edgefn.limits import Budgets, load_profile, loosest, profile_names, tighten
from edgefn.limits.profile import Status

NOW_HANDLED = {"cpu_ms", "wall_ms", "memory_bytes", "stack_bytes", "package_bytes"} | {
    "request_body_bytes",
    "url_bytes",
    "header_bytes",
}


def test_the_profiles_that_ship_are_these():
    assert profile_names() == ("cloudflare-free", "cloudflare-paid", "fastly", "fastly-trial")


@pytest.mark.parametrize("name", profile_names())
def test_every_limit_has_a_value_a_source_and_a_date(name):
    profile = load_profile(name)
    assert profile.name == name
    assert profile.title
    assert profile.platform in ("cloudflare", "fastly")
    for limit in profile.limits:
        assert limit.value > 0
        assert limit.unit
        assert limit.scope
        assert limit.source.startswith("https://")
        assert type(limit.date) is date
        assert limit.date <= profile.date
        assert limit.status in get_args(Status.__value__)


@pytest.mark.parametrize("name", profile_names())
def test_nothing_is_said_to_be_handled_that_this_release_does_not_handle(name):
    handled = {limit.name for limit in load_profile(name).limits if limit.status != "not modelled"}
    assert handled <= NOW_HANDLED
    assert {"cpu_ms", "wall_ms", "memory_bytes", "package_bytes"} <= handled


@pytest.mark.parametrize(
    ("profile", "limit", "value"),
    [
        ("cloudflare-free", "cpu_ms", 10),
        ("cloudflare-paid", "cpu_ms", 30_000),
        ("cloudflare-free", "package_bytes", 64 << 20),
        ("fastly", "cpu_ms", 50),
        ("fastly", "wall_ms", 120_000),
        ("fastly-trial", "wall_ms", 60_000),
        ("fastly", "stack_bytes", 1_000_000),
        ("fastly", "package_bytes", 100_000_000),
        ("fastly", "request_body_bytes", None),
    ],
)
def test_the_limits_are_those_that_were_published(profile, limit, value):
    assert load_profile(profile).value(limit) == value


def test_a_limit_that_the_platform_does_not_name_is_none():
    profile = load_profile("fastly")
    assert profile.get("nothing") is None
    assert profile.value("nothing") is None


@pytest.mark.parametrize(("name", "meant"), [("cloudflare_free", "cloudflare-free"), ("fasty", "fastly")])
def test_an_unknown_profile_is_answered_with_the_nearest_and_the_list(name, meant):
    with pytest.raises(UsageError) as caught:
        load_profile(name)
    assert caught.value.code == "EFN-U010"
    assert name in caught.value.message
    assert f"did you mean {meant}?" in caught.value.hint
    assert all(known in caught.value.hint for known in profile_names())


@pytest.mark.parametrize("name", ["", "../fastly", "aws", "fastly.toml/..", "\0"])
def test_a_name_is_never_taken_for_a_path(name):
    with pytest.raises(UsageError):
        load_profile(name)


def test_no_budgets_leave_a_profile_as_it_is():
    profile = load_profile("fastly")
    assert tighten(profile, Budgets()) == profile


def test_budgets_tighten_in_the_unit_of_the_limit():
    tight = tighten(load_profile("fastly"), Budgets(cpu_ms=5, memory_mb=64, package_mb=10))
    assert tight.value("cpu_ms") == 5
    assert tight.value("memory_bytes") == 64_000_000
    assert tight.value("package_bytes") == 10_000_000
    assert tight.value("wall_ms") == 120_000


def test_a_tightened_limit_says_where_it_comes_from_and_what_the_platform_gives():
    limit = tighten(load_profile("fastly"), Budgets(cpu_ms=5)).get("cpu_ms")
    assert limit is not None
    assert limit.source == "edgefn.toml"
    assert limit.status == "enforced"
    assert "the platform's is 50" in limit.note


@pytest.mark.parametrize("profile", ["fastly", "cloudflare-free"])
def test_a_budget_for_what_the_platform_does_not_hold_here_is_warned_about(profile):
    limit = tighten(load_profile(profile), Budgets(startup_ms=100)).get("startup_ms")
    assert limit is not None
    assert (limit.value, limit.unit, limit.status) == (100, "ms", "warned")


def test_the_platforms_own_limit_is_not_looser():
    assert tighten(load_profile("cloudflare-free"), Budgets(cpu_ms=10, memory_mb=128)).value("cpu_ms") == 10


@pytest.mark.parametrize("budgets", [Budgets(cpu_ms=51), Budgets(memory_mb=200)])
def test_a_looser_budget_leaves_the_platforms_limit(budgets):
    assert tighten(load_profile("fastly"), budgets) == load_profile("fastly")


def test_the_loosest_profile_has_the_largest_of_what_all_name():
    free, fastly = load_profile("cloudflare-free"), load_profile("fastly")
    both = loosest((free, fastly))
    assert both.value("cpu_ms") == 50
    assert both.value("memory_bytes") == 134_217_728
    assert both.value("startup_ms") is None
    assert loosest((free,)).limits == free.limits
