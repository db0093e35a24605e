"""A long run over mutated plans and models: `make fuzz N=100000`.

Three of five inputs are plans: the Python reader and, natively under sanitizers, the engine open each one and have to
agree; what they open is run, by SIMD and reference in both flavours. The others are ONNX and TFLite files: the
compiler gives a plan, which the engine then has to run, or a clear error.
"""

import argparse
import faulthandler
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from random import Random

from tests.engine import sanitized
from tests.engine.sanitized import Crash, Meeting, Sanitized

from . import onnx_files, plan_files, tflite_files
from .readers import READ, Reading, Unclear, Wasteful, read
from .seeds import KINDS, harvest, load

__all__ = ["Finding", "Report", "made", "meet", "run"]

SHARES = {"plan": 3, "onnx": 1, "tflite": 1}
MUTATE = {"plan": plan_files.mutated, "onnx": onnx_files.mutated, "tflite": tflite_files.mutated}
CHUNK = 500
STUCK_SECONDS = 120
# What only the Python reader looks at, since it cannot harm the engine: what meta holds, and too little of it.
SAID_BY_ONE = ("meta is not", "meta.", "meta_bytes is 0", "meta_bytes is 1,", "a narrow weight is negative")


@dataclass(frozen=True, slots=True)
class Finding:
    """An input that broke something, and what it broke."""

    kind: str
    index: int
    data: bytes = field(repr=False)
    what: str


@dataclass(slots=True)
class Report:
    """Counts by what came of the inputs; the largest figures; what is wrong."""

    outcomes: dict[str, Counter[str]] = field(default_factory=lambda: {kind: Counter() for kind in KINDS})
    engine: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    open_seconds: float = 0.0
    memory: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, other: "Report") -> None:
        for kind in KINDS:
            self.outcomes[kind] += other.outcomes[kind]
        self.engine += other.engine
        self.seconds = max(self.seconds, other.seconds)
        self.open_seconds = max(self.open_seconds, other.open_seconds)
        self.memory = max(self.memory, other.memory)
        self.findings += other.findings


def made(kind: str, seed: int, numbers: Iterable[int], seeds: Sequence[bytes]) -> dict[int, bytes]:
    """The inputs of these numbers: the same for the same seeds."""
    return {number: MUTATE[kind](Random(f"{seed} {kind} {number}"), seeds) for number in numbers}


def run(folder: Path, count: int, *, kinds: Sequence[str] = KINDS, seed: int, jobs: int) -> Report:
    """Meet the seeds in `folder`, then `count` mutations of them, and say what came of them; progress on stderr."""
    report = Report()
    chunks = list(_chunks(count, kinds))
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_import) as pool:
        for done, part in enumerate(pool.map(_chunk, *zip(*((folder, seed, *c) for c in chunks), strict=True)), 1):
            report.add(part)
            print(f"{done} of {len(chunks)} parts, {len(report.findings)} findings", file=sys.stderr)
    return report


def _import() -> None:
    """What readers import when they need it counts for no input."""
    for module in ("plan", "importers.onnx", "importers.tflite", "passes", "lower", "assemble"):
        import_module(f"edgefn.graph.{module}")


def _chunks(count: int, kinds: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Kind, first index and number of inputs of each part; the part from -1 on is the seeds themselves."""
    shares = {kind: SHARES[kind] for kind in kinds}
    for kind, share in shares.items():
        yield kind, -1, 0
        total = count * share // sum(shares.values())
        for first in range(0, total, CHUNK):
            yield kind, first, min(CHUNK, total - first)


@cache
def _seeds(folder: Path) -> dict[str, list[bytes]]:
    return load(folder)


def _chunk(folder: Path, seed: int, kind: str, first: int, count: int) -> Report:
    seeds = _seeds(folder)[kind]
    inputs = dict(enumerate(seeds)) if first < 0 else made(kind, seed, range(first, first + count), seeds)
    return meet(kind, inputs, [Sanitized(folder / f"meet-{flavour}") for flavour in sanitized.FLAVOURS])


def meet(kind: str, inputs: Mapping[int, bytes], engines: Iterable[Sanitized]) -> Report:
    """Give inputs, by their numbers, to the readers, and the plans among them and out of them to the engines."""
    report, cases = Report(), []
    for index, data in inputs.items():
        faulthandler.dump_traceback_later(STUCK_SECONDS, exit=True, file=sys.__stderr__)
        reading = _read(report, kind, index, data)
        plan = data if kind == "plan" else reading.plan if reading else None
        if plan is not None and len(plan) <= sanitized.MOST_PLAN:
            cases.append(_Case(kind, index, plan, reading))
    faulthandler.cancel_dump_traceback_later()
    for engine in engines:
        _meet(report, engine, cases)
    return report


@dataclass(frozen=True, slots=True)
class _Case:
    """A plan for the engine, and what the Python reader says of the input that it comes from."""

    kind: str
    index: int
    plan: bytes
    reading: Reading | None


def _read(report: Report, kind: str, index: int, data: bytes) -> Reading | None:
    try:
        reading = read(kind, data)
    except (Unclear, Wasteful) as error:
        what = "".join(traceback.format_exception(error)) if error.__cause__ else str(error)
        report.findings.append(Finding(kind, index, data, what))
        return None
    report.outcomes[kind][reading.outcome] += 1
    report.seconds = max(report.seconds, reading.seconds)
    report.memory = max(report.memory, reading.memory)
    return reading


def _meet(report: Report, engine: Sanitized, cases: list[_Case]) -> None:
    """Open and run the plans; past one that crashes the engine, go on with the next."""
    while cases:
        try:
            meetings, crash = engine.meet(case.plan for case in cases), None
        except Crash as error:
            meetings, crash = error.before, error.report
        for case, meeting in zip(cases, meetings, strict=False):
            report.engine[meeting.outcome] += 1
            report.open_seconds = max(report.open_seconds, meeting.open_seconds)
            _judge(report, case, _wrong(case, meeting))
        if crash:
            _judge(report, cases[len(meetings)], crash)
        cases = cases[len(meetings) + 1 :]


def _judge(report: Report, case: _Case, wrong: str) -> None:
    if wrong:
        report.findings.append(Finding(case.kind, case.index, case.plan, wrong))


def _wrong(case: _Case, meeting: Meeting) -> str:
    opens, reading = meeting.status == 0, case.reading
    if reading is None or (opens and any(words in reading.said for words in SAID_BY_ONE)):
        return ""
    if opens != (reading.outcome == READ):
        return f"the engine says {meeting.status}, the Python reader {reading.outcome}: {reading.said}"
    if meeting.outcome == "differs" and (case.kind != "plan" or plan_files.is_one_result(case.plan)):
        return "SIMD and reference differ"
    return ""


def _text(report: Report, count: int, elapsed: float) -> str:
    lines = [f"{count:,} inputs in {elapsed:,.0f} s"]
    for kind in KINDS:
        counts = ", ".join(f"{name} {n:,}" for name, n in sorted(report.outcomes[kind].items()))
        lines.append(f"{kind}: {sum(report.outcomes[kind].values()):,} inputs: {counts}")
    met = ", ".join(f"{name} {n:,}" for name, n in sorted(report.engine.items()))
    lines.append(f"the engine, in {len(sanitized.FLAVOURS)} flavours: {met}")
    lines.append(f"slowest: {report.seconds:.2f} s to read, {report.open_seconds * 1e3:.1f} ms to open")
    lines.append(f"most memory beyond the file's own: {report.memory >> 20} MiB")
    lines.append(f"findings: {len(report.findings)}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=100_000)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seeds", type=Path, help="a folder with seeds, to be harvested into when it is empty")
    parser.add_argument("--findings", type=Path, default=Path("dist/findings"), help="where bad inputs go")
    options = parser.parse_args()
    if sanitized.compiler() is None:
        print("fuzzing needs gcc or clang with -fsanitize=address,undefined", file=sys.stderr)
        return 2
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.seeds or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for flavour in sanitized.FLAVOURS:
            sanitized.build(folder, flavour)
        if not (folder / "plan").exists():
            harvest(folder, seed=options.seed)
        report = run(folder, options.count, kinds=options.kinds, seed=options.seed, jobs=options.jobs)
    for number, finding in enumerate(report.findings):
        options.findings.mkdir(parents=True, exist_ok=True)
        path = options.findings / f"{number}-{finding.kind}-{finding.index}"
        path.write_bytes(finding.data)
        path.with_suffix(".txt").write_text(finding.what)
    print(_text(report, options.count, time.monotonic() - started))
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main())
