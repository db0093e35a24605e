"""RNN in one direction and in both, and SVDF, run after run, as their equations; and the forms that are refused."""

import numpy as np
import pytest

from edgefn.engine.standalone import Runner
from edgefn.errors import ModelError, UnsupportedError
from edgefn.graph.plan import read_plan

F = np.float32
RELU, RELU6, TANH = 1, 3, 4
FUNCTIONS = {RELU: lambda v: np.maximum(v, 0), TANH: np.tanh}
STEPS, BATCH, FEATURES, CELLS = 5, 2, 3, 6
RNG = np.random.default_rng(11)


def normal(*shape):
    return RNG.normal(0, 0.5, shape).astype(F)


def constant(writer, value):
    return writer.tensor("constant", value.shape, constant=value)


def direction(writer, *, cells=CELLS):
    """Weights of one direction, and the operator's inputs for them."""
    parts = normal(CELLS, FEATURES), normal(cells, cells), normal(CELLS)
    state = writer.tensor("h", (BATCH, CELLS), IsVariable=True)
    return parts, [*(constant(writer, p) for p in parts), state]


def after(x, parts, h, function):
    """Return h after every step for x [T][B][K]."""
    w, r, bias = parts
    states = []
    for row in x:
        h = function(row @ w.T + h @ r.T + bias)
        states.append(h)
    return np.array(states)


def outputs(compiled_tflite, writer, *inputs):
    """What consecutive runs give, by run and output."""
    blob = compiled_tflite(writer).plan
    plan = read_plan(blob)
    shapes = [plan.tensors[i].dims for i in plan.outputs]
    with Runner(blob) as runner:
        return [[np.frombuffer(d, F).reshape(s) for d, s in zip(runner.run([x]), shapes, strict=True)] for x in inputs]


@pytest.mark.parametrize("major", [False, True])
@pytest.mark.parametrize("activation", FUNCTIONS)
def test_a_sequence_goes_on_where_the_last_one_ended(writer, compiled_tflite, activation, major):
    x = normal(2, STEPS, BATCH, FEATURES)
    fed = x if major else np.ascontiguousarray(x.swapaxes(1, 2))
    source, (parts, ports) = writer.tensor("x", fed.shape[1:]), direction(writer)
    y = writer.tensor("y", (*fed.shape[1:3], CELLS))
    fields = {"FusedActivationFunction": activation, "TimeMajor": major}
    writer.op("UNIDIRECTIONAL_SEQUENCE_RNN", [source, *ports], [y], "SequenceRNNOptions", fields)
    writer.subgraph([source], [y])
    wanted = after(x.reshape(-1, BATCH, FEATURES).astype(float), parts, np.zeros((BATCH, CELLS)), FUNCTIONS[activation])
    found = np.concatenate([y if major else y.swapaxes(0, 1) for (y,) in outputs(compiled_tflite, writer, *fed)])
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_a_single_step_keeps_its_state(writer, compiled_tflite):
    x = normal(3, BATCH, FEATURES)
    source, (parts, ports) = writer.tensor("x", (BATCH, FEATURES)), direction(writer)
    y = writer.tensor("y", (BATCH, CELLS))
    writer.op("RNN", [source, *ports], [y], "RNNOptions", {"FusedActivationFunction": TANH})
    writer.subgraph([source], [y])
    wanted = after(x.astype(float), parts, np.zeros((BATCH, CELLS)), np.tanh)
    np.testing.assert_allclose([y for (y,) in outputs(compiled_tflite, writer, *x)], wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("merged", [False, True])
def test_both_directions_lie_side_by_side_or_apart(writer, compiled_tflite, merged):
    x = normal(BATCH, STEPS, FEATURES)
    source, sides = writer.tensor("x", x.shape), [direction(writer) for _ in range(2)]
    shapes = [(BATCH, STEPS, 2 * CELLS)] if merged else [(BATCH, STEPS, CELLS)] * 2
    ys = [writer.tensor("y", shape) for shape in shapes]
    ports = [source, *sides[0][1], *sides[1][1], -1, -1, -1]
    fields = {"FusedActivationFunction": TANH, "MergeOutputs": merged}
    writer.op("BIDIRECTIONAL_SEQUENCE_RNN", ports, ys, "BidirectionalSequenceRNNOptions", fields)
    writer.subgraph([source], ys)
    steps, first = x.swapaxes(0, 1).astype(float), np.zeros((BATCH, CELLS))
    ahead = after(steps, sides[0][0], first, np.tanh).swapaxes(0, 1)
    back = after(steps[::-1], sides[1][0], first, np.tanh)[::-1].swapaxes(0, 1)
    wanted = [np.concatenate([ahead, back], 2)] if merged else [ahead, back]
    (found,) = outputs(compiled_tflite, writer, x)
    for f, w in zip(found, wanted, strict=True):
        np.testing.assert_allclose(f, w, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("activation", "cells", "error", "said"),
    [
        (RELU6, CELLS, UnsupportedError, "the activation RELU6; supported are RELU, TANH"),
        (TANH, CELLS - 1, ModelError, "weights .6, 3. and .5, 5."),
    ],
)
def test_other_forms_are_refused(writer, compiled_tflite, activation, cells, error, said):
    source, (_, ports) = writer.tensor("x", (BATCH, FEATURES)), direction(writer, cells=cells)
    y = writer.tensor("y", (BATCH, CELLS))
    writer.op("RNN", [source, *ports], [y], "RNNOptions", {"FusedActivationFunction": activation})
    writer.subgraph([source], [y])
    with pytest.raises(error, match=said):
        compiled_tflite(writer)


def test_a_bias_of_two_dimensions_is_malformed(writer, compiled_tflite):
    source, (_, ports) = writer.tensor("x", (BATCH, FEATURES)), direction(writer)
    ports[2], y = constant(writer, normal(CELLS, 1)), writer.tensor("y", (BATCH, CELLS))
    writer.op("RNN", [source, *ports], [y], "RNNOptions", {"FusedActivationFunction": TANH})
    writer.subgraph([source], [y])
    with pytest.raises(ModelError, match=r"with a bias of \(6, 1\)"):
        compiled_tflite(writer)


def filters(writer, x, rank, *, count=8, memory=5, activation=RELU):
    """A model of one SVDF, and its weights."""
    parts = normal(count, x.shape[-1]), normal(count, memory), normal(count // max(rank, 1))
    source = writer.tensor("x", x.shape[1:])
    state = writer.tensor("s", (BATCH, count * memory), IsVariable=True)
    y = writer.tensor("y", (BATCH, len(parts[2])))
    fields = {"Rank": rank, "FusedActivationFunction": activation}
    writer.op("SVDF", [source, *(constant(writer, p) for p in parts), state], [y], "SVDFOptions", fields)
    writer.subgraph([source], [y])
    return parts


@pytest.mark.parametrize("memory", [1, 5])
@pytest.mark.parametrize("rank", [1, 2])
def test_filters_over_time_remember_what_they_saw(writer, compiled_tflite, rank, memory):
    x = normal(7, BATCH, FEATURES)
    features, times, bias = filters(writer, x, rank, memory=memory)
    seen = np.concatenate([np.zeros((memory - 1, BATCH, 8)), x.astype(float) @ features.T])
    sums = [np.einsum("mbf,fm->bf", seen[i : i + memory], times) for i in range(len(x))]
    wanted = [np.maximum(s.reshape(BATCH, -1, rank).sum(2) + bias, 0) for s in sums]
    np.testing.assert_allclose([y for (y,) in outputs(compiled_tflite, writer, *x)], wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rank", [0, 3])
def test_filters_of_another_rank_are_malformed(writer, compiled_tflite, rank):
    filters(writer, normal(1, BATCH, FEATURES), rank)
    with pytest.raises(ModelError, match=f"of rank {rank}"):
        compiled_tflite(writer)
