import dataclasses
import os
import subprocess
import sys

import pytest

from edgefn.limits import load_profile, profile_names


def test_show_without_a_name_lists_the_profiles(edgefn):
    status, said = edgefn.json("limits", "show")
    assert status == 0
    assert [one["name"] for one in said] == list(profile_names())
    assert "Cloudflare Workers, free plan" in edgefn("limits", "show").stdout


def test_show_as_json_has_everything_that_the_profile_has(edgefn):
    status, said = edgefn.json("limits", "show", "fastly")
    assert status == 0
    profile = load_profile("fastly")
    wanted = [{**dataclasses.asdict(limit), "date": str(limit.date)} for limit in profile.limits]
    assert said["limits"] == wanted
    assert [one["reason"] for one in said["absent"]] == [one.reason for one in profile.absent]


def test_show_prints_a_table_on_stdout_and_nothing_else(edgefn):
    done = edgefn("limits", "show", "node")
    assert (done.returncode, done.stderr) == (0, "")
    assert "stack_bytes" in done.stdout


def test_diff_tells_which_is_tighter(edgefn):
    status, said = edgefn.json("limits", "diff", "fastly", "fastly-trial")
    assert status == 0
    found = {one["name"]: one["tighter"] for one in said["differences"]}
    assert found == {
        "wall_ms": "b",
        "subrequests": "b",
        "config_stores": "b",
        "config_entries": "b",
        "secret_stores": None,
    }
    assert "fastly-trial" in edgefn("limits", "diff", "fastly", "fastly-trial").stdout


def test_an_unknown_profile_is_a_usage_error_with_the_nearest_name(edgefn):
    for arguments in (("show", "fasty"), ("diff", "fastly", "fasty")):
        done = edgefn("limits", *arguments)
        assert done.returncode == 2
        assert "no limits profile 'fasty'" in done.stderr
        assert "did you mean fastly?" in done.stderr
        assert done.stdout == ""
    status, said = edgefn.json("limits", "show", "fasty")
    assert (status, said["error"]["code"]) == (2, "EFN-U010")


def test_a_budget_that_is_looser_than_the_platform_fails_before_anything_is_built(edgefn, make_function):
    folder = make_function("broken = ", toml="[limits]\ncpu_ms = 30\n", samples={"one": {}})
    done = edgefn("test", folder, "--profile", "cloudflare-free")
    assert done.returncode == 2
    assert "EFN-C009" in done.stderr
    assert "cpu_ms in [limits] is 30, but cloudflare-free allows 10" in done.stderr
    assert "[limits.cloudflare-free]" in done.stderr


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("edgefn limits show cl", ["cloudflare-free", "cloudflare-paid"]),
        ("edgefn limits diff node fastly-", ["fastly-trial"]),
        ("edgefn test --profile a", ["akamai-functions"]),
        ("edgefn dev --profile no", ["node"]),
    ],
)
def test_a_shell_completes_the_names_of_profiles(line, offered):
    words = line.split()
    asked = {"_EDGEFN_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    command = [sys.executable, "-c", "from edgefn.cli.app import app; app(prog_name='edgefn')"]
    done = subprocess.run(command, env={**os.environ, **asked}, capture_output=True, text=True, check=False)
    assert done.stdout.split() == offered
