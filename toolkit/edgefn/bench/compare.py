"""`edgefn model compare`: how far two models are apart, and from which layer on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.bench.cases import load_cases
from edgefn.bench.difference import Difference, Meter
from edgefn.bench.feeding import Pair, feed, pair_ports, real, turned
from edgefn.bench.matching import match_layers
from edgefn.bench.subject import Subject, open_subject
from edgefn.bench.taken import taken_ops
from edgefn.engine.standalone import Runner
from edgefn.errors import UsageError
from edgefn.graph.records import PlanTensor

__all__ = ["Comparison", "LayerDifference", "OutputDifference", "compare_models"]

type Array = NDArray[Any]

ALIKE, QUANTIZED = 1e-4, 0.2  # relative differences that layers may have, where all types are the same or not
MAX_HELD = 1 << 30  # bytes of intermediate results of one case


@dataclass(frozen=True, slots=True)
class OutputDifference:
    """`agreement` is the part of the rows of scores whose highest is the same; None of an output that has no rows."""

    name: str
    shape: tuple[int, ...]
    difference: Difference
    agreement: float | None


@dataclass(frozen=True, slots=True)
class LayerDifference:
    """Of a layer that both have: op number `a` of the first plan beside op number `b` of the second."""

    name: str
    a: int
    b: int
    a_op: str
    b_op: str
    shape: tuple[int, ...]
    difference: Difference
    parts: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Differences of reals: quantized tensors count as what they mean.

    A layer parts when its relative difference is above `threshold`. `unmatched` counts the ops of each plan that have
    no counterpart in the other.
    """

    a: str
    b: str
    flavours: tuple[str, str]
    cases: int
    threshold: float
    outputs: tuple[OutputDifference, ...]
    layers: tuple[LayerDifference, ...]
    unmatched: tuple[int, int]

    @property
    def parted(self) -> int | None:
        """The place in `layers` of the first that parts."""
        return next((i for i, layer in enumerate(self.layers) if layer.parts), None)


def compare_models(
    paths: tuple[Path, Path],
    samples: Path,
    flavours: tuple[str, str],
    *,
    threshold: float | None = None,
    dims: Mapping[str, int] | None = None,
) -> Comparison:
    """Run two models or plans side by side on all cases in `samples`, which may be of the inputs of either.

    Without a threshold it is ALIKE, or QUANTIZED when a layer has another type in one than in the other. Raises
    ModelError, UnsupportedError, UsageError as `load_cases` and `Archive.cases` do, EFN-U045 when inputs or outputs of
    the two do not belong together, and EFN-U046 for a threshold that is none.
    """
    if threshold is not None and not 0 <= threshold < inf:
        raise UsageError("EFN-U046", f"a layer cannot part at {threshold}", hint="give for example: --threshold 0.01")
    archive = load_cases(samples)
    a, b = (open_subject(path, dims, archive.shapes, whole=True) for path in paths)
    layers = [_Layer(i, j) for i, j in match_layers(a, b)]
    outputs = [_Output(pair) for pair in pair_ports(a, b, "outputs")]
    cases = feed(archive, a, b)
    with Runner(a.blob, flavours[0]) as first, Runner(b.blob, flavours[1]) as second:
        sides = _Side(a, first), _Side(b, second)
        for case in cases:
            _run(*sides, case, layers)
            for output in outputs:
                _read(*sides, output)
    limit = threshold if threshold is not None else _limit(a, b, layers)
    return Comparison(
        a=a.name,
        b=b.name,
        flavours=flavours,
        cases=len(cases),
        threshold=limit,
        outputs=tuple(_of_output(a, output) for output in outputs),
        layers=tuple(_of_layer(a, b, layer, limit) for layer in layers),
        unmatched=(len(a.plan.ops) - len(layers), len(b.plan.ops) - len(layers)),
    )


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two, in its engine."""

    subject: Subject
    runner: Runner

    def steps(self, inputs: Sequence[Array], wanted: set[int]) -> Iterator[tuple[int, bytes]]:
        """Run op by op, and give what each of the wanted ones computed that is not left out."""
        self.runner.write(inputs)
        for number in taken_ops(self.runner, self.subject.plan):
            self.runner.run_op(number)
            if number in wanted:
                yield number, self.runner.tensor(self.subject.plan.ops[number]["y"])

    def output(self, number: int) -> Array:
        index = self.subject.plan.outputs[number]
        return real(self.subject.plan.tensors[index], self.runner.tensor(index))


@dataclass(slots=True)
class _Layer:
    """A matched layer over the cases: op `a` of one, `b` of the other."""

    a: int
    b: int
    meter: Meter = field(default_factory=Meter)


@dataclass(slots=True)
class _Output:
    """A pair of outputs over the cases; `votes` says of every row of scores whether the highest is the same."""

    pair: Pair
    meter: Meter = field(default_factory=Meter)
    votes: list[bool] = field(default_factory=list)


def _run(a: _Side, b: _Side, case: tuple[Sequence[Array], Sequence[Array]], layers: Sequence[_Layer]) -> None:
    """Run both on one case; the results of the first are held until the second has them too, MAX_HELD bytes at most."""
    held: dict[int, bytes] = {}
    room = MAX_HELD
    for number, value in a.steps(case[0], {layer.a for layer in layers}):
        room -= len(value)
        if room >= 0:
            held[number] = value
    matched = {layer.b: layer for layer in layers}
    for number, value in b.steps(case[1], set(matched)):
        layer = matched[number]
        if layer.a in held:
            known = real(_result(a.subject, layer.a), held[layer.a])
            layer.meter.add(known, real(_result(b.subject, layer.b), value))


def _read(a: _Side, b: _Side, output: _Output) -> None:
    """Add what an output is now in both."""
    values = a.output(output.pair.a), turned(b.output(output.pair.b), output.pair)
    output.meter.add(*values)
    output.votes += _votes(*values)


def _of_output(a: Subject, output: _Output) -> OutputDifference:
    agreement = sum(output.votes) / len(output.votes) if output.votes else None
    dims = a.plan.tensors[a.plan.outputs[output.pair.a]].dims
    return OutputDifference(output.pair.name, dims, output.meter.difference, agreement)


def _of_layer(a: Subject, b: Subject, layer: _Layer, threshold: float) -> LayerDifference:
    return LayerDifference(
        name=a.layers[layer.a].name,
        a=layer.a,
        b=layer.b,
        a_op=a.plan.ops[layer.a].code.name,
        b_op=b.plan.ops[layer.b].code.name,
        shape=_result(a, layer.a).dims,
        difference=layer.meter.difference,
        parts=layer.meter.difference.exceeds(threshold),
    )


def _limit(a: Subject, b: Subject, layers: Sequence[_Layer]) -> float:
    alike = all(_result(a, layer.a).dtype == _result(b, layer.b).dtype for layer in layers)
    return ALIKE if alike else QUANTIZED


def _result(s: Subject, number: int) -> PlanTensor:
    index: int = s.plan.ops[number]["y"]
    return s.plan.tensors[index]


def _votes(a: Array, b: Array) -> list[bool]:
    """For each row of scores, whether both have their highest in the same place; none for other outputs."""
    if a.ndim not in {1, 2} or a.shape[-1] < 2:
        return []
    same: Array = np.asarray(a.argmax(axis=-1) == b.argmax(axis=-1))
    return [bool(v) for v in same.ravel()]
