import pytest

from edgefn.limits import compare_profiles, load_profile, overview, profile_names
from edgefn.report import limits as view

FREE, FASTLY = map(load_profile, ("cloudflare-free", "fastly"))


@pytest.mark.parametrize("name", profile_names())
@pytest.mark.parametrize("width", [80, 120])
def test_every_profile_fits_the_terminal_but_for_its_addresses(name, width):
    lines = view.profile(load_profile(name), width).splitlines()
    assert all(len(line) <= width for line in lines if "https://" not in line)


@pytest.mark.parametrize("a", profile_names())
@pytest.mark.parametrize("b", profile_names())
def test_every_comparison_fits_eighty_columns(a, b):
    lines = view.comparison(compare_profiles(load_profile(a), load_profile(b))).splitlines()
    assert max(map(len, lines)) <= 80


def test_a_narrow_terminal_still_gets_an_answer():
    assert view.profile(FASTLY, 1)


def test_a_profile_is_shown_by_what_edgefn_does_with_each_limit():
    lines = view.profile(FASTLY, 80).splitlines()
    headings = [line for line in lines[1:] if not line.startswith(" ")]
    assert headings == [
        "enforced here",
        "warned about here",
        "not modelled here",
        "no limit, or none known",
        "notes",
        "sources",
    ]
    cpu = next(line for line in lines if line.startswith("  cpu_ms "))
    assert cpu.split() == ["cpu_ms", "50", "ms", "request", "2026-06-04", "[1]"]
    assert "  [1] https://docs.fastly.com/products/compute-resource-limits" in lines


def test_every_entry_has_one_line_and_a_source():
    for name in profile_names():
        profile = load_profile(name)
        lines = view.profile(profile, 80).splitlines()
        rows = [line.split()[0] for line in lines if line.startswith("  ") and line.endswith("]")]
        assert sorted(rows) == sorted(one.name for one in profile.entries())


def test_a_date_of_reading_is_marked_and_explained():
    text = view.profile(FREE, 80)
    assert "2026-09-05*" in text
    assert text.endswith("* the day of reading: the page has no date")
    assert "2026-09-04*" not in text


def test_sources_that_disagree_are_said_to():
    package = FREE.get("package_bytes")
    assert package is not None
    assert "Sources disagree: Older copies" in view.remark(package)
    assert "Sources disagree" in view.profile(FREE, 80)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("kv_cache_ttl_ms", "at least 30 s"),
        ("memory_bytes", "128 MB"),
        ("package_bytes", "64 MiB"),
        ("response_body_bytes", "no limit"),
        ("cpu_ms_settable", "not offered"),
        ("subrequests", "50 requests"),
        ("r2_object_bytes", "5 TiB"),
    ],
)
def test_amounts_have_the_unit_that_the_source_wrote(name, shown):
    entry = next(one for one in FREE.entries() if one.name == name)
    assert view.amount(entry) == shown


def test_a_comparison_says_which_is_tighter_and_where_scopes_differ():
    lines = [" ".join(line.split()) for line in view.comparison(compare_profiles(FREE, FASTLY)).splitlines()]
    assert lines[0].startswith("cloudflare-free and fastly: ")
    assert "cpu_ms 10 ms 50 ms cloudflare-free" in lines
    assert lines[lines.index("header_bytes 128 kB 128 kB") + 1] == "per request header"
    assert "package_bytes 64 MiB 100 MB compressed" in lines
    assert "only fastly has" in lines
    assert "secret_reads 5 reads request" in lines


def test_two_equal_profiles_differ_in_nothing():
    text = view.comparison(compare_profiles(FREE, FREE))
    assert text == f"cloudflare-free and cloudflare-free: 0 differ, {len(FREE.entries())} the same"


def test_the_list_has_a_line_a_profile_and_says_what_to_do_next():
    lines = view.overview(overview()).splitlines()
    assert [line.split()[0] for line in lines[1:-1]] == list(profile_names())
    assert "edgefn limits show" in lines[-1]
    assert max(map(len, lines)) <= 80
