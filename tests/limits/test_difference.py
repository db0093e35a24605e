import dataclasses

import pytest

from edgefn.limits import Absent, compare_profiles, load_profile, profile_names

FREE, PAID, FASTLY = map(load_profile, ("cloudflare-free", "cloudflare-paid", "fastly"))


def of(found, name):
    return next(one for one in found.differences if one.name == name)


def altered(profile, name, **changes):
    """`profile` with only the limit `name`, changed."""
    limit = profile.get(name)
    return dataclasses.replace(profile, limits=(dataclasses.replace(limit, **changes),), absent=())


@pytest.mark.parametrize("name", profile_names())
def test_a_profile_does_not_differ_from_itself(name):
    profile = load_profile(name)
    found = compare_profiles(profile, profile)
    assert (found.differences, found.only_a, found.only_b) == ((), (), ())
    assert found.same == len(profile.entries())


def test_the_smaller_limit_is_the_tighter_one_from_either_side():
    assert of(compare_profiles(FREE, PAID), "cpu_ms").tighter == "a"
    assert of(compare_profiles(PAID, FREE), "cpu_ms").tighter == "b"


def test_the_larger_of_two_lower_bounds_is_the_tighter_one():
    longer = altered(FREE, "kv_cache_ttl_ms", value=60_000)
    assert of(compare_profiles(longer, FREE), "kv_cache_ttl_ms").tighter == "a"


def test_a_limit_is_tighter_than_none_and_what_is_not_offered_tighter_than_that():
    found = compare_profiles(FREE, PAID)
    assert of(found, "requests_per_day").tighter == "a"
    assert of(found, "cpu_ms_settable").tighter == "a"
    assert isinstance(of(found, "cpu_ms_settable").a, Absent)


def test_nothing_is_tighter_where_one_side_does_not_publish_it():
    assert of(compare_profiles(FREE, FASTLY), "request_body_bytes").tighter is None


def test_packages_that_are_counted_differently_are_not_ranked():
    package = of(compare_profiles(FREE, FASTLY), "package_bytes")
    assert package.tighter is None
    assert {package.a.unit, package.b.unit} == {"bytes", "compressed bytes"}


def test_another_scope_is_a_difference_without_a_tighter_side():
    header = of(compare_profiles(FREE, FASTLY), "header_bytes")
    assert (header.a.value, header.b.value) == (128_000, 128_000)
    assert header.tighter is None


def test_another_status_or_note_is_no_difference():
    other = altered(FREE, "cpu_ms", status="warned", note="", source="https://example.org")
    assert compare_profiles(other, altered(FREE, "cpu_ms")).same == 1


def test_what_only_one_profile_speaks_of_is_listed_on_its_side():
    found = compare_profiles(FREE, FASTLY)
    assert "kv_operations" in {one.name for one in found.only_a}
    assert "secret_reads" in {one.name for one in found.only_b}
    assert len(found.differences) + found.same + len(found.only_a) == len(FREE.entries())
