import json
from pathlib import Path

from edgefn.bench import BenchRun, Distribution, Gauge
from edgefn.build import Build, Part, Sizes
from edgefn.doctor import Diagnosis
from edgefn.errors import BuildError
from edgefn.report import console, document
from edgefn.testing import ProfileRun, SampleRun, TestRun

FAILED = BuildError("EFN-B999", "it broke at 42", hint="run: edgefn doctor", detail="line one\nline two\n")
RUN = TestRun(
    "trial",
    (
        ProfileRun("fastly", 6_500_000, (SampleRun("good", True, 200, 1.5, 13_700_000, ()),), ()),
        ProfileRun(
            "tiny", 19_000_000, (SampleRun("bad", False, 503, 51.2, None, ("cpu_ms\n  handler.py:3",)),), ("too large",)
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


def test_a_test_run_has_a_line_a_sample_and_a_count():
    assert console.test(RUN).splitlines() == [
        "fastly  (package 6.5 MB)",
        "  ok    good                     200      1.5 ms CPU   13.7 MB",
        "tiny  (package 19 MB)",
        "  FAIL  too large",
        "  FAIL  bad                      503     51.2 ms CPU         -",
        "        cpu_ms",
        "          handler.py:3",
        "trial: 1 passed, 1 failed under 2 profiles",
    ]
    assert not RUN.passed


def test_a_build_lists_its_parts_and_totals():
    sizes = Sizes(1_000_000, 400_000, (Part("engine", 250_000, "kernels"), Part("weights", 750_000, "plans")))
    shown = console.build(Build("f", Path("f.wasm"), "ab" * 32, "simd128", 1.25, False, sizes, (), ("json",), ()))
    assert shown.splitlines()[0] == "built f.wasm in 1.25 s  (simd128, sha256 abababababababab)"
    assert "25.0 %" in shown
    assert "400 kB gzip" in shown
    assert "loaded ahead of time: json" in shown


def test_a_bench_puts_every_figure_beside_its_limit():
    times = Distribution(1.0, 2.0, 3.0, 0.5, 10)
    gauges = (Gauge("cpu", 60.0, 50.0, "ms CPU", False), Gauge("start", 2.0, None, "ms", None))
    run = BenchRun("f", "s", "fastly", "here", "so", times, times, times, times, gauges)
    shown = console.bench(run)
    assert "OVER" in shown
    assert "none" in shown
    assert not run.fits


def test_a_diagnosis_that_is_not_well_has_its_remedy():
    shown = console.diagnoses((Diagnosis("a", "ok", "fine", "-"), Diagnosis("b", "fail", "broken", "mend it")))
    assert shown.count("help:") == 1
    assert "mend it" in shown


def test_results_become_json_with_their_fields():
    said = json.loads(document.render(RUN))
    assert said["profiles"][1]["samples"][0]["problems"] == ["cpu_ms\n  handler.py:3"]
