import json
from pathlib import Path

from edgefn.bench import BenchRun, Distribution, Fit, Gauge
from edgefn.build import Build, Part, Sizes
from edgefn.doctor import Diagnosis
from edgefn.errors import BuildError
from edgefn.report import console, document
from edgefn.testing import ProfileRun, SampleRun, TestRun

FAILED = BuildError("EFN-B999", "it broke at 42", hint="run: edgefn doctor", detail="line one\nline two\n")
RUN = TestRun(
    "trial",
    (
        ProfileRun("fastly", 6_500_000, (SampleRun("sample", True, 200, 1.5, 13_700_000, ()),), ()),
        ProfileRun(
            "tiny",
            19_000_000,
            (SampleRun("sample", False, 503, 51.2, None, ("cpu_ms\n  handler.py:3",)),),
            ("too large",),
        ),
    ),
)


def test_an_error_says_what_the_evidence_and_what_to_do():
    assert console.error(FAILED) == (
        "error[EFN-B999]: it broke at 42\nline one\nline two\n\n  help: run: edgefn doctor"
    )


def test_an_error_as_json_has_its_exit_status():
    assert json.loads(document.error_document(FAILED))["error"] == {
        "code": "EFN-B999",
        "message": "it broke at 42",
        "hint": "run: edgefn doctor",
        "exit_status": 4,
    }


def test_a_test_run_has_a_row_a_sample_a_column_a_profile_and_a_count():
    assert console.test(RUN).splitlines() == [
        "           fastly                          tiny",
        "  package  6.5 MB                          19 MB",
        "  sample   ok    200  1.5 ms CPU, 13.7 MB  FAIL  503  51.2 ms CPU",
        "  tiny:",
        "    too large",
        "  tiny, sample:",
        "    cpu_ms",
        "      handler.py:3",
        "trial: 1 passed, 2 failed under 2 profiles",
    ]
    assert not RUN.passed


def test_a_build_lists_its_parts_and_totals():
    sizes = Sizes(1_000_000, 400_000, (Part("engine", 250_000, "kernels"), Part("weights", 750_000, "plans")))
    shown = console.build(Build("f", Path("f.wasm"), "ab" * 32, "simd128", 1.25, False, sizes, (), ("json",), ()))
    assert shown.splitlines()[0] == "built f.wasm in 1.25 s  (simd128, sha256 abababababababab)"
    assert "25.0 %" in shown
    assert "400 kB gzip" in shown
    assert "loaded ahead of time: json" in shown


def test_a_bench_puts_every_figure_beside_the_limits_of_each_platform():
    times = Distribution(1.0, 2.0, 3.0, 0.5, 10)
    tight = Fit("tight", (Gauge("cpu", 60.0, 50.0, "ms", False), Gauge("memory", 2e6, None, "bytes", None)))
    wide = Fit("wide", (Gauge("cpu", 60.0, 30_000.0, "ms", True), Gauge("memory", 2e6, 128e6, "bytes", True)))
    gauges = [(*fit.gauges[:1], *fit.gauges[:1], *fit.gauges) for fit in (tight, wide)]
    platforms = tuple(Fit(fit.profile, row) for fit, row in zip((tight, wide), gauges))
    run = BenchRun("f", "s", "here", "so", times, times, times, times, platforms)
    shown = [" ".join(line.split()) for line in console.bench(run).splitlines()]
    assert shown[6:10] == [
        "package start CPU memory",
        "tight 60 ms 60 ms 60 ms 2 MB EXCEEDS cpu, cpu, cpu",
        "allows 50 ms 50 ms 50 ms any",
        "wide 60 ms 60 ms 60 ms 2 MB fits",
    ]
    assert (run.fits, tight.fits, wide.fits) == (False, False, True)


def test_a_diagnosis_that_is_not_well_has_its_remedy():
    shown = console.diagnoses((Diagnosis("a", "ok", "fine", "-"), Diagnosis("b", "fail", "broken", "mend it")))
    assert shown.count("help:") == 1
    assert "mend it" in shown


def test_results_become_json_with_their_fields():
    said = json.loads(document.render(RUN))
    assert said["profiles"][1]["samples"][0]["problems"] == ["cpu_ms\n  handler.py:3"]
