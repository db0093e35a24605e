"""`edgefn model run`: a model by itself, in the engine and nothing around it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from edgefn.bench.cases import Case, load_cases
from edgefn.bench.subject import open_subject
from edgefn.engine.standalone import Runner

__all__ = ["ModelRun", "run_model"]

SECONDS = 1.2
LEAST, MOST = 20, 3000


@dataclass(frozen=True, slots=True)
class ModelRun:
    """Milliseconds of inference alone, inputs in place, over `runs` repetitions of the first case.

    What a call that runs nothing takes is subtracted: about 4 microseconds, of Python and its binding to wasmtime.

    The cases follow one another, as a model that keeps a state wants them; they begin after a reset.
    `cold` is the plan opened in a fresh instance and run once, the engine's code being compiled already. `maxd` is the
    largest absolute difference to an output that the cases know, None when they know none.
    """

    model: str
    flavour: str
    min: float
    med: float
    cold: float
    runs: int
    cases: int
    maxd: float | None


def run_model(
    path: Path, inputs: Path, flavour: str, *, epochs: bool = False, dims: Mapping[str, int] | None = None
) -> ModelRun:
    """Run the model or plan at `path` on the cases in `inputs`; time the first.

    Dimensions that the model leaves open and `dims` does not name are those of the first case; cases of other shapes
    are left out. With `epochs` the engine has the deadline checks that an edge host adds.

    Raises ModelError, UnsupportedError, and UsageError as `load_cases` and `Archive.cases` do.
    """
    archive = load_cases(inputs)
    subject = open_subject(path, dims, archive.shapes)
    blob, cases = subject.blob, archive.cases(subject.plan)
    Runner(blob, flavour, epochs=epochs).close()  # compiles the engine
    started = time.perf_counter()
    with Runner(blob, flavour, epochs=epochs) as runner:
        runner.run(cases[0].inputs)
        cold = time.perf_counter() - started
        runner.reset()
        differences = [d for case in cases for d in _differences(runner, case)]
        times = _times(runner, cases[0])
    return ModelRun(
        model=path.stem,
        flavour=flavour,
        min=min(times) * 1e3,
        med=median(times) * 1e3,
        cold=cold * 1e3,
        runs=len(times),
        cases=len(cases),
        maxd=max(differences, default=None),
    )


def _times(runner: Runner, case: Case) -> list[float]:
    """Seconds of runs; a run may write over its inputs, so that they are written before each."""
    times: list[float] = []
    calls: list[float] = []
    end = time.perf_counter() + SECONDS
    while len(times) < LEAST or (time.perf_counter() < end and len(times) < MOST):
        runner.write(case.inputs)
        started = time.perf_counter()
        runner.run_nothing(0)
        between = time.perf_counter()
        runner.run_all()
        times.append(time.perf_counter() - between)
        calls.append(between - started)
    call = min(calls)
    return [max(t - call, 0.0) for t in times]


def _differences(runner: Runner, case: Case) -> list[float]:
    found = runner.run(case.inputs)
    return [
        float(np.abs(np.frombuffer(f, w.dtype).astype(np.float64) - w.ravel()).max(initial=0))
        for f, w in zip(found, case.wanted, strict=True)
        if w is not None
    ]
