"""The first function, from a fresh folder to answers under every platform's limits."""

import json
import time

import pytest

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def built(edgefn, digits_folder):
    status, result = edgefn.json("build", digits_folder)
    assert status == 0
    return result


def test_the_component_is_small_and_its_parts_add_up(built):
    sizes = built["sizes"]
    assert sizes["total"] < 18_500_000  # 19.3 MB when the snapshot carries what was freed
    assert sum(p["nbytes"] for p in sizes["parts"]) == sizes["total"]
    parts = {p["name"]: p["nbytes"] for p in sizes["parts"]}
    assert parts["weights"] > 1000
    assert parts["engine"] > 1000


def test_an_unchanged_function_is_not_built_again(built, edgefn, digits_folder):
    started = time.perf_counter()
    status, again = edgefn.json("build", digits_folder)
    assert status == 0
    assert again["reused"] is True
    assert again["sha256"] == built["sha256"]
    assert time.perf_counter() - started < 10  # the measured figure is in docs/reference/performance.md


def test_every_sample_passes_under_every_profile(built, edgefn, digits_folder, tmp_path):
    status, run = edgefn.json("test", digits_folder, "--junit", tmp_path / "report.xml")
    assert status == 0
    assert (tmp_path / "report.xml").read_text().count("<testcase") == 3 * (1 + len(run["profiles"][0]["samples"]))
    assert {p["profile"] for p in run["profiles"]} == {"cloudflare-free", "cloudflare-paid", "fastly"}
    assert all(s["passed"] for p in run["profiles"] for s in p["samples"])


def test_a_missing_sample_is_named(built, edgefn, digits_folder):
    status, said = edgefn.json("test", digits_folder, "--sample", "nine-hundred")
    assert status == 2
    assert "nine-hundred" in said["error"]["message"]


def test_the_bench_reports_every_figure_beside_its_limit(built, edgefn, digits_folder):
    status, run = edgefn.json("bench", digits_folder, "--cold", 5, "--warm", 20)
    assert status == 0
    assert [one["profile"] for one in run["platforms"]] == ["cloudflare-free", "cloudflare-paid", "fastly"]
    assert all([g["name"] for g in one["gauges"]] == ["package", "start", "cpu", "memory"] for one in run["platforms"])
    assert run["cold_cpu"]["samples"] == 5


def test_held_out_digits_are_read_with_96_percent_accuracy(built, digits_folder):
    from pathlib import Path

    import numpy as np

    from edgefn.host import HostRequest, Worker, load_component
    from edgefn.limits import load_profile

    held = np.load(digits_folder.parents[1] / "models" / "digits" / "heldout.npz")
    images, labels = held["images"], held["labels"]
    profile = load_profile("fastly")
    with Worker(load_component(Path(built["component"]), profile), profile, reuse=True) as worker:
        said = [
            json.loads(worker.call(HostRequest("POST", "/", body=image.astype(np.uint8).tobytes())).body)["label"]
            for image in images
        ]
    assert np.mean(np.array(said) == labels) >= 0.96
