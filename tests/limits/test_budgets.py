import dataclasses

import pytest

from edgefn.errors import ConfigError
from edgefn.limits import Budgets, load_profile, profile_names, tighten
from edgefn.project.schema import BudgetTable, LimitsTable

KEYS = ("cpu_ms", "wall_ms", "memory_mb", "package_mb", "startup_ms")


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


def test_a_budget_takes_the_place_of_a_limit_that_is_absent():
    tight = tighten(load_profile("fastly"), Budgets(startup_ms=100))
    assert "startup_ms" not in {one.name for one in tight.absent}


def test_a_budget_as_wide_as_the_platform_s_limit_is_taken():
    assert tighten(load_profile("cloudflare-free"), Budgets(cpu_ms=10, memory_mb=128)).value("cpu_ms") == 10


@pytest.mark.parametrize("profile", profile_names())
@pytest.mark.parametrize("key", KEYS)
def test_a_looser_budget_is_refused_with_both_values_and_a_way_out(profile, key):
    limit = {"memory_mb": "memory_bytes", "package_mb": "package_bytes"}.get(key, key)
    allowed = load_profile(profile).value(limit)
    written = 1e9 if key.endswith("_ms") else 1e6
    if allowed is None:
        assert tighten(load_profile(profile), Budgets(**{key: written})).value(limit) is not None
        return
    with pytest.raises(ConfigError) as caught:
        tighten(load_profile(profile), Budgets(**{key: written}))
    error = caught.value
    assert error.code == "EFN-C009"
    assert f"{key} in [limits] is {written:,.10g}, but {profile} allows {_shown(key, allowed)};" in error.message
    assert f"[limits.{profile}]" in error.hint


def _shown(key, allowed):
    return f"{allowed / (1e6 if key.endswith('_mb') else 1):,.10g}"


def test_the_way_out_can_be_written_as_it_stands():
    with pytest.raises(ConfigError) as caught:
        tighten(load_profile("fastly"), Budgets(memory_mb=200))
    assert caught.value.hint.startswith("write memory_mb = 134.217728 or less")
    assert tighten(load_profile("fastly"), Budgets(memory_mb=134.217728)).value("memory_bytes") == 134_217_728


def test_a_budget_for_one_profile_stands_in_place_of_the_general_one_there_alone():
    budgets = Budgets(cpu_ms=8, wall_ms=500, profiles={"fastly": Budgets(cpu_ms=30)})
    fastly, free = (tighten(load_profile(name), budgets) for name in ("fastly", "cloudflare-free"))
    assert (fastly.value("cpu_ms"), fastly.value("wall_ms")) == (30, 500)
    assert (free.value("cpu_ms"), free.value("wall_ms")) == (8, 500)


def test_a_general_budget_that_is_too_loose_for_one_platform_is_mended_by_one_for_it():
    budgets = Budgets(cpu_ms=30, profiles={"cloudflare-free": Budgets(cpu_ms=8)})
    assert tighten(load_profile("cloudflare-free"), budgets).value("cpu_ms") == 8
    assert tighten(load_profile("fastly"), budgets).value("cpu_ms") == 30


def test_a_looser_budget_for_one_profile_is_refused_by_the_table_it_is_in():
    with pytest.raises(ConfigError) as caught:
        tighten(load_profile("fastly"), Budgets(profiles={"fastly": Budgets(cpu_ms=60)}))
    assert "cpu_ms in [limits.fastly] is 60, but fastly allows 50;" in caught.value.message
    assert caught.value.hint == "write cpu_ms = 50 or less"


def test_edgefn_toml_has_a_table_of_budgets_for_every_profile_and_every_key_is_a_budget():
    tables = {field.alias for field in LimitsTable.model_fields.values() if field.alias}
    assert tables == set(profile_names())
    assert set(BudgetTable.model_fields) == set(KEYS)
    assert {field.name for field in dataclasses.fields(Budgets)} == {*KEYS, "profiles"}
