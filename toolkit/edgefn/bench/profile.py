"""`edgefn model profile`: how long every op of a model takes, and what it makes of the time."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.bench.anatomy import weights_bytes
from edgefn.bench.cases import load_cases
from edgefn.bench.subject import Subject, open_subject
from edgefn.bench.taken import taken_ops
from edgefn.engine.standalone import Runner
from edgefn.graph.footprint import footprint_of
from edgefn.graph.records import NUMPY_DTYPES, Plan

__all__ = ["Kind", "ModelProfile", "OpProfile", "profile_model"]

type Array = NDArray[Any]

SECONDS = 2.0
LEAST, MOST = 7, 2000
_TYPE = re.compile(r"[a-z]{1,2}\d+")
METHOD = (
    "every op by a call of its own, after the ones before it; the time of a call that runs nothing, taken beside it, "
    "is subtracted"
)


@dataclass(frozen=True, slots=True)
class OpProfile:
    """One op of the plan; `name` is the model's own. Milliseconds: `ms` the median over the rounds, `least` the least.

    `share` is the part of all ops' medians; `live_bytes` is what the arena must hold while the op runs.
    """

    op: str
    name: str
    shape: tuple[int, ...]
    dtype: str
    ms: float
    least: float
    share: float
    macs: int | None
    weights_bytes: int
    live_bytes: int

    @property
    def kind(self) -> str:
        """What the op does, whatever the types: its code's name without them."""
        return "_".join(word for word in self.op.split("_") if not _TYPE.fullmatch(word)) or self.op

    @property
    def gmacs(self) -> float | None:
        """Billions of multiply-accumulates a second; None where there are none, or no time was measured."""
        return self.macs / self.ms / 1e6 if self.macs and self.ms else None


@dataclass(frozen=True, slots=True)
class Kind:
    """All ops of one kind together; `share` as an op's."""

    name: str
    ops: int
    ms: float
    share: float


@dataclass(frozen=True, slots=True)
class ModelProfile:
    """Milliseconds of steady state: `whole` is the median of an inference, `call` of a call that runs nothing.

    `inputs` says where they come from. Bytes: `arena_bytes` of working memory, `weights_bytes` of packed constants.
    """

    model: str
    flavour: str
    epochs: bool
    inputs: str
    ops: tuple[OpProfile, ...]
    whole: float
    least: float
    call: float
    rounds: int
    arena_bytes: int
    weights_bytes: int
    method: str = METHOD

    @property
    def total(self) -> float:
        """The medians of all ops."""
        return sum(op.ms for op in self.ops)

    @property
    def coverage(self) -> float | None:
        """Least times of all ops as a part of the least of a whole inference; None where that is next to nothing."""
        return sum(op.least for op in self.ops) / self.least if self.least else None

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The slowest first."""
        groups: dict[str, list[OpProfile]] = {}
        for op in self.ops:
            groups.setdefault(op.kind, []).append(op)
        found = [Kind(n, len(g), sum(o.ms for o in g), sum(o.share for o in g)) for n, g in groups.items()]
        return tuple(sorted(found, key=lambda kind: -kind.ms))

    @property
    def macs(self) -> int:
        return sum(op.macs or 0 for op in self.ops)

    @property
    def gmacs(self) -> float | None:
        """Of the whole inference."""
        return self.macs / self.whole / 1e6 if self.macs and self.whole else None


def profile_model(
    path: Path,
    flavour: str,
    *,
    inputs: Path | None = None,
    epochs: bool = False,
    dims: Mapping[str, int] | None = None,
) -> ModelProfile:
    """Profile the model or plan at `path`, on the first case in `inputs` or on made-up values.

    With `epochs` the engine has the deadline checks that an edge host adds. Raises ModelError, UnsupportedError, and
    UsageError as `load_cases` and `Archive.cases` do.
    """
    archive = load_cases(inputs) if inputs else None
    subject = open_subject(path, dims, archive.shapes if archive else None)
    values = archive.cases(subject.plan)[0].inputs if archive else _made_up(subject.plan)
    with Runner(subject.blob, flavour, epochs=epochs) as runner:
        times = _times(runner, subject.plan, values)
    return ModelProfile(
        model=subject.name,
        flavour=flavour,
        epochs=epochs,
        inputs=inputs.name if inputs else "made up",
        ops=_ops(subject, times),
        whole=times.whole,
        least=times.least,
        call=times.call,
        rounds=times.rounds,
        arena_bytes=subject.plan.arena_bytes,
        weights_bytes=len(subject.plan.weights),
    )


def _made_up(plan: Plan) -> tuple[Array, ...]:
    """Values that any model can take: reals around 0, any bytes, and 1 for what may be an index or a flag."""
    rng = np.random.default_rng(0)
    return tuple(
        _values(rng, plan.tensors[i].dtype, plan.tensors[i].dims, port.get("dtype", ""))
        for i, port in zip(plan.inputs, plan.meta["inputs"], strict=True)
    )


def _values(rng: np.random.Generator, dtype: str, dims: Sequence[int], declared: str) -> Array:
    if dtype == "f32":
        return rng.standard_normal(dims, np.float32)
    if dtype == "i32" or declared == "bool":
        return np.ones(dims, NUMPY_DTYPES[dtype])
    info = np.iinfo(NUMPY_DTYPES[dtype])
    return rng.integers(info.min, info.max, dims, info.dtype, endpoint=True)


@dataclass(frozen=True, slots=True)
class _Times:
    """Milliseconds, of each op and of the whole, without those of the call itself."""

    median: Array
    least_of_ops: Array
    whole: float
    least: float
    call: float
    rounds: int


def _times(runner: Runner, plan: Plan, inputs: Sequence[Array]) -> _Times:
    """Whole runs and runs op by op in turn, until SECONDS have passed."""
    wholes: list[int] = []
    rows: list[list[tuple[int, int]]] = []
    end = time.perf_counter() + SECONDS
    _round(runner, plan, inputs)
    while len(rows) < LEAST or (time.perf_counter() < end and len(rows) < MOST):
        runner.write(inputs)
        started = time.perf_counter_ns()
        runner.run_all()
        wholes.append(time.perf_counter_ns() - started)
        rows.append(_round(runner, plan, inputs))
    taken = np.array(rows, np.float64).reshape(len(rows), -1, 2) / 1e6  # rounds, ops, (nothing, op)
    idle, busy = taken[:, :, 0], taken[:, :, 1]
    call = float(np.median(idle)) if idle.size else 0.0
    median = np.maximum(np.median(busy, axis=0) - np.median(idle, axis=0), 0)
    return _Times(
        median=median,
        least_of_ops=np.clip(busy.min(axis=0) - idle.min(axis=0), 0, median),
        whole=max(float(np.median(wholes)) / 1e6 - call, 0.0),
        least=max(min(wholes) / 1e6 - call, 0.0),
        call=call,
        rounds=len(rows),
    )


def _round(runner: Runner, plan: Plan, inputs: Sequence[Array]) -> list[tuple[int, int]]:
    """Nanoseconds of a call that runs nothing and of one that runs the op, for every op in order.

    They are the same for an op that a run leaves out.
    """
    runner.write(inputs)
    row: list[tuple[int, int]] = []
    nothing = 0
    for number in taken_ops(runner, plan):
        row += [(nothing, nothing)] * (number - len(row))
        first = time.perf_counter_ns()
        runner.run_nothing(number)
        second = time.perf_counter_ns()
        runner.run_op(number)
        row.append((nothing := second - first, time.perf_counter_ns() - second))
    return [*row, *[(nothing, nothing)] * (len(plan.ops) - len(row))]


def _ops(subject: Subject, times: _Times) -> tuple[OpProfile, ...]:
    plan, live = subject.plan, footprint_of(subject.plan).live
    total = float(times.median.sum()) or 1.0
    found = []
    for number, (op, layer) in enumerate(zip(plan.ops, subject.layers, strict=True)):
        y, ms = plan.tensors[op["y"]], float(times.median[number])
        least = float(times.least_of_ops[number])
        costs = (layer.macs, weights_bytes(plan, op), live[number])
        found.append(OpProfile(op.code.name, layer.name, y.dims, y.dtype, ms, least, ms / total, *costs))
    return tuple(found)
