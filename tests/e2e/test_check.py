"""`edgefn check`: whether a function fits, and what is to blame."""

import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]

HANDLER = """
import time

from edgefn import Request, Response


def handle(request: Request) -> Response:
    if request.path == "/work":
        until = time.process_time() + 0.03
        while time.process_time() < until:
            pass
    if request.path == "/print":
        print("x" * 250_000)
    return Response("fine")
"""


def sample(path):
    return {"request": {"method": "GET", "url": path}, "expect": {"status": 200}}


@pytest.fixture(scope="module")
def folder(make_function):
    return make_function(HANDLER, samples={name: sample(f"/{name}") for name in ("work", "print")})


def rows_of(found, profile):
    return {row["limit"]: row for table in found["tables"] if table["profile"] == profile for row in table["rows"]}


def test_every_platform_has_a_table_and_the_sample_that_took_most_is_named(edgefn, folder):
    status, found = edgefn.json("check", folder, "--target", "cloudflare", "--target", "fastly")
    assert status == 1
    assert [t["profile"] for t in found["tables"]] == ["cloudflare-free", "cloudflare-paid", "fastly"]
    free, paid = rows_of(found, "cloudflare-free"), rows_of(found, "cloudflare-paid")
    assert (free["cpu_ms"]["verdict"], free["cpu_ms"]["sample"]) == ("exceeds", "work")
    assert free["cpu_ms"]["headroom"] < 0
    assert (paid["cpu_ms"]["verdict"], paid["log_bytes"]["verdict"]) == ("fits", "tight")
    assert paid["log_bytes"]["measured"] == 250_001
    assert {"kv_value_bytes", "startup_ms"} <= set(found["tables"][0]["unmeasured"])


def test_what_is_too_much_has_an_advice(edgefn, folder):
    done = edgefn("check", folder, "--target", "cloudflare-free")
    assert done.returncode == 1
    assert "trial on cloudflare-free: DOES NOT FIT" in done.stdout
    assert "try: a smaller or int8 model" in done.stdout


def test_layers_and_parts_are_blamed(edgefn, tmp_path):
    for name in ("functions/digits", "models/digits"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns(".edgefn"))
    folder = tmp_path / "functions/digits"
    with (folder / "edgefn.toml").open("a") as toml:
        toml.write("\n[limits]\ncpu_ms = 0.2\nmemory_mb = 14\npackage_mb = 7\n")
    status, found = edgefn.json("check", folder, "--target", "fastly")
    rows = rows_of(found, "fastly")
    assert status == 1
    assert [rows[name]["verdict"] for name in ("cpu_ms", "memory_bytes", "package_bytes")] == [
        "exceeds",
        "tight",
        "tight",
    ]
    assert rows["cpu_ms"]["blame"][0].startswith("model digits: ")
    assert "layer " in rows["cpu_ms"]["blame"][1]
    assert "MB to work in" in rows["memory_bytes"]["blame"][0]
    assert rows["package_bytes"]["blame"][0].startswith("standard library: ")


def test_a_platform_that_is_none_is_refused(edgefn, folder):
    done = edgefn("check", folder, "--target", "cloudflar")
    assert done.returncode == 2
    assert "did you mean cloudflare" in done.stderr
