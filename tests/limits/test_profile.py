import ast
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import get_args

import pytest

import edgefn
from edgefn.errors import UsageError
from edgefn.limits import Absent, Limit, load_profile, loosest, overview, profile_names
from edgefn.limits.limit import Bound, Reason, Scope, Status, Unit

ROOT = Path(__file__).parents[2]
PACKAGE = Path(edgefn.__file__).parent
PLATFORMS = {"akamai", "cloudflare", "fastly", "lambda", "node"}
PLANS = [("cloudflare-free", "cloudflare-paid"), ("fastly", "fastly-trial")]


def named_in(*packages):
    """Every string that the code of `packages` writes, the names of the limits it looks at among them."""
    return {
        node.value
        for package in packages
        for path in (PACKAGE / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant)
    }


def test_the_profiles_that_ship_are_these():
    assert profile_names() == (
        "akamai-functions",
        "cloudflare-free",
        "cloudflare-paid",
        "fastly",
        "fastly-trial",
        "lambda-edge",
        "node",
    )


@pytest.mark.parametrize("name", profile_names())
def test_a_profile_is_one_of_a_known_platform_and_its_package_counts_as_its_limit_does(name):
    profile = load_profile(name)
    assert profile.name == name
    assert profile.title
    assert profile.platform in PLATFORMS
    assert type(profile.reuse) is bool
    package = profile.get("package_bytes")
    assert package is not None
    assert (package.unit == "compressed bytes") == (profile.package == "compressed")


@pytest.mark.parametrize("name", profile_names())
def test_every_limit_has_a_value_and_words_that_are_known(name):
    for limit in load_profile(name).limits:
        assert type(limit.value) in (int, float), limit.name
        assert limit.value > 0, limit.name
        assert limit.unit in get_args(Unit.__value__), limit.name
        assert limit.scope in get_args(Scope.__value__), limit.name
        assert limit.status in get_args(Status.__value__), limit.name
        assert limit.bound in get_args(Bound.__value__), limit.name


@pytest.mark.parametrize("name", profile_names())
def test_what_is_said_has_a_source_that_can_be_opened_and_a_date_that_has_been(name):
    profile = load_profile(name)
    assert profile.date <= datetime.now(UTC).date()
    for one in profile.entries():
        ours = not one.source.startswith("https://")
        assert not ours or (ROOT / one.source).is_file(), one.name
        assert type(one.date) is date
        assert one.date <= profile.date, one.name
        assert type(one.dated) is bool


@pytest.mark.parametrize("name", profile_names())
def test_a_limit_is_there_or_absent_for_a_known_reason_and_never_both(name):
    profile = load_profile(name)
    names = [one.name for one in profile.entries()]
    assert len(names) == len(set(names))
    assert all(one.reason in get_args(Reason.__value__) for one in profile.absent)


@pytest.mark.parametrize(("one", "other"), PLANS)
def test_two_plans_of_a_platform_speak_of_the_same_limits(one, other):
    plans = load_profile(one), load_profile(other)
    assert plans[0].platform == plans[1].platform
    assert {x.name for x in plans[0].entries()} == {x.name for x in plans[1].entries()}
    assert [p.package for p in plans] == [plans[0].package] * 2


def test_what_a_limit_counts_is_the_same_everywhere():
    """Units of one name differ in one place: a package is counted as it is, or compressed."""
    units = {}
    for profile in map(load_profile, profile_names()):
        for limit in profile.limits:
            units.setdefault(limit.name, set()).add(limit.unit)
    assert {name for name, found in units.items() if len(found) > 1} == {"package_bytes"}


@pytest.mark.parametrize("name", [n for n in profile_names() if n != "node"])
def test_nothing_is_said_to_be_held_that_no_code_looks_at(name):
    profile = load_profile(name)
    assert {x.name for x in profile.held("enforced")} <= named_in("host", "emulator")
    assert {x.name for x in profile.held("warned")} <= named_in("host", "testing")
    assert {"wall_ms", "memory_bytes"} <= {x.name for x in profile.held("enforced")}


@pytest.mark.parametrize(
    ("profile", "limit", "value"),
    [
        ("akamai-functions", "package_bytes", 50 << 20),
        ("akamai-functions", "request_body_bytes", 10 << 20),
        ("cloudflare-free", "cpu_ms", 10),
        ("cloudflare-free", "env_vars", 64),
        ("cloudflare-free", "package_bytes", 64 << 20),
        ("cloudflare-free", "requests_per_day", 100_000),
        ("cloudflare-paid", "cpu_ms", 30_000),
        ("cloudflare-paid", "requests_per_day", None),
        ("cloudflare-paid", "subrequests_settable", 10_000_000),
        ("cloudflare-paid", "url_bytes", 16_000),
        ("fastly", "config_lookups", 32),
        ("fastly", "cpu_ms", 50),
        ("fastly", "package_bytes", 100_000_000),
        ("fastly", "request_body_bytes", None),
        ("fastly", "stack_bytes", 1_000_000),
        ("fastly", "wall_ms", 120_000),
        ("fastly-trial", "cpu_ms", 50),
        ("fastly-trial", "subrequests", 10),
        ("fastly-trial", "wall_ms", 60_000),
        ("lambda-edge", "response_body_bytes", 40_000),
    ],
)
def test_the_limits_are_those_that_were_published(profile, limit, value):
    assert load_profile(profile).value(limit) == value


def test_a_plan_takes_the_other_s_limits_where_it_says_nothing():
    free, paid = load_profile("cloudflare-free"), load_profile("cloudflare-paid")
    assert paid.get("memory_bytes") == free.get("memory_bytes")
    assert paid.reuse is free.reuse
    assert "kv_reads_per_day" in {one.name for one in paid.absent}
    assert "kv_reads_per_day" in {one.name for one in free.limits}


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


def test_an_overview_counts_every_limit_once():
    for one in overview():
        profile = load_profile(one.name)
        assert one.enforced + one.warned + one.not_modelled == len(profile.limits)
        assert (one.title, one.date) == (profile.title, profile.date)


def test_a_bound_from_below_admits_what_is_above():
    least = load_profile("cloudflare-free").get("kv_cache_ttl_ms")
    most = load_profile("cloudflare-free").get("cpu_ms")
    assert isinstance(least, Limit)
    assert isinstance(most, Limit)
    assert (least.admits(30_000), least.admits(60_000), least.admits(1)) == (True, True, False)
    assert (most.admits(10), most.admits(9), most.admits(11)) == (True, True, False)


def test_the_loosest_profile_has_the_largest_of_what_all_name():
    free, fastly = load_profile("cloudflare-free"), load_profile("fastly")
    both = loosest((free, fastly))
    assert both.value("cpu_ms") == 50
    assert both.value("memory_bytes") == 134_217_728
    assert both.value("startup_ms") is None
    assert loosest((free,)).limits == free.limits


def test_the_loosest_of_lower_bounds_is_the_smallest():
    free = load_profile("cloudflare-free")
    longer = replace(free, limits=tuple(replace(x, value=2 * x.value) for x in free.limits))
    for both in (loosest((free, longer)), loosest((longer, free))):
        assert both.value("kv_cache_ttl_ms") == 30_000
        assert both.value("cpu_ms") == 20


def test_what_is_absent_says_why():
    fastly = {one.name: one for one in load_profile("fastly").absent}
    assert isinstance(fastly["request_body_bytes"], Absent)
    assert fastly["request_body_bytes"].reason == "not published"
    assert {one.name: one.reason for one in load_profile("cloudflare-free").absent}["cpu_ms_settable"] == "not offered"
