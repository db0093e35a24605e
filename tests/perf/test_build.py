"""How long a build takes, as a user waits for it: the whole command in a process of its own."""

import shutil

import pytest

pytestmark = pytest.mark.perf


@pytest.fixture(scope="module")
def function(tmp_path_factory, digits_folder, digits_model):
    folder = tmp_path_factory.mktemp("build") / "functions" / "digits"
    shutil.copytree(digits_folder, folder, ignore=shutil.ignore_patterns(".edgefn"))
    model = folder.parents[1] / "models" / "digits" / digits_model.name
    model.parent.mkdir(parents=True)
    shutil.copy(digits_model, model)
    return folder


@pytest.mark.benchmark(group="full build of digits")
def test_full_build(benchmark, figure, edgefn, function, tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEFN_CACHE", str(tmp_path))

    def build():
        shutil.rmtree(function / ".edgefn", ignore_errors=True)
        return edgefn.json("build", function)

    status, built = benchmark.pedantic(build, rounds=1)
    assert (status, built["reused"]) == (0, False)
    assert built["sizes"]["total"] < 20_000_000
    if benchmark.stats:
        figure("full build of digits, nothing cached", f"{benchmark.stats['min']:.1f} s", "under 40 s")
    figure("component of digits", f"{built['sizes']['total'] / 1e6:.1f} MB raw", "under 20 MB")


@pytest.mark.benchmark(group="unchanged build of digits")
def test_unchanged_build(benchmark, figure, edgefn, function):
    edgefn.json("build", function)
    status, built = benchmark.pedantic(lambda: edgefn.json("build", function), rounds=5)
    assert (status, built["reused"]) == (0, True)
    if benchmark.stats:
        figure("unchanged build of digits", f"{benchmark.stats['median']:.2f} s", "under 1 s")
