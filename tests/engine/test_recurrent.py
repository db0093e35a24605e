"""lstm, gru and rnn: near to the equations in f64, and the same bits in every way they can run."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefn.engine.standalone import Runner

from . import plans
from .flavours import hold
from .plans import Recurrence
from .test_products import QUICK

F = np.float32
SIZES = {"steps": st.integers(1, 5), "batch": st.integers(1, 3), "cells": st.integers(1, 27)}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def made(rng, gates, steps, batch, cells, *, reverse) -> Recurrence:
    x, h, r = (
        rng.normal(0, s, n).astype(F)
        for s, n in (
            (1, (steps, batch, gates, cells)),
            (0.5, (batch, cells)),
            (1 / np.sqrt(cells), (gates, cells, cells)),
        )
    )
    return Recurrence(x, h, r, reverse)


def gates_of(of: Recurrence, t: int, h: np.ndarray) -> np.ndarray:
    """Sums [G][B][H] in f64."""
    return np.stack([of.x[t, :, g].astype(float) + h @ of.r[g].astype(float).T for g in range(len(of.r))])


def times(of: Recurrence) -> list[int]:
    return list(range(len(of.x)))[:: -1 if of.reverse else 1]


def lstm(of, c, peepholes):
    h, c, p = of.h.astype(float), c.astype(float), peepholes.astype(float)
    after = np.empty((len(of.x), *h.shape))
    for t in times(of):
        i, f, g, o = gates_of(of, t, h)
        c = sigmoid(f + p[1] * c) * c + sigmoid(i + p[0] * c) * np.tanh(g)
        after[t] = h = sigmoid(o + p[2] * c) * np.tanh(c)
    return np.concatenate([c.ravel(), np.zeros(-c.size % 4), after.ravel()])


def gru(of, bias, *, linear):
    h, after = of.h.astype(float), np.empty((len(of.x), *of.h.shape))
    for t in times(of):
        z, r, _ = sigmoid(gates_of(of, t, h))
        within = of.r[2].astype(float).T
        inner = r * (h @ within + bias) if linear else (r * h) @ within + bias
        after[t] = h = (1 - z) * np.tanh(of.x[t, :, 2] + inner) + z * h
    return after


def rnn(of, function):
    h, after = of.h.astype(float), np.empty((len(of.x), *of.h.shape))
    for t in times(of):
        (total,) = gates_of(of, t, h)
        after[t] = h = np.tanh(total) if function == 0 else np.maximum(total, 0)
    return after


def agree(plan, inputs, wanted):
    """Every way gives the bits of the reference, and those are near to f64."""
    with Runner(plan) as runner:
        (data,) = runner.run([np.ascontiguousarray(x) for x in inputs], reference=True)
    found = np.frombuffer(data, F)
    np.testing.assert_allclose(found, wanted.ravel(), rtol=2e-5, atol=2e-6)
    hold(plan, inputs, found, scale=1.0)


@QUICK
@given(**SIZES, reverse=st.booleans(), peep=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_an_lstm_agrees_with_its_equations(steps, batch, cells, reverse, peep, seed):
    rng = np.random.default_rng(seed)
    of = made(rng, 4, steps, batch, cells, reverse=reverse)
    c, p = rng.normal(0, 1, (batch, cells)).astype(F), (rng.normal(0, peep, (3, cells))).astype(F)
    agree(plans.lstm(of, c, p), [*of.inputs, c], lstm(of, c, p))


@QUICK
@given(**SIZES, reverse=st.booleans(), linear=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_a_gru_agrees_with_its_equations(steps, batch, cells, reverse, linear, seed):
    rng = np.random.default_rng(seed)
    of = made(rng, 3, steps, batch, cells, reverse=reverse)
    bias = rng.normal(0, 1, cells).astype(F)
    agree(plans.gru(of, bias, linear=linear), of.inputs, gru(of, bias, linear=linear))


@QUICK
@given(**SIZES, reverse=st.booleans(), function=st.integers(0, 1), seed=st.integers(0, 2**32 - 1))
def test_an_rnn_agrees_with_its_equations(steps, batch, cells, reverse, function, seed):
    of = made(np.random.default_rng(seed), 1, steps, batch, cells, reverse=reverse)
    agree(plans.rnn(of, function), of.inputs, rnn(of, function))


@pytest.mark.parametrize("code", [42, 43, 52])
def test_a_long_sequence_of_many_cells_does_not_drift(code):
    rng = np.random.default_rng(code)
    of = made(rng, {42: 4, 43: 3, 52: 1}[code], 40, 2, 100, reverse=False)
    c, p, bias = np.zeros((2, 100), F), np.zeros((3, 100), F), np.zeros(100, F)
    if code == 42:
        agree(plans.lstm(of, c, p), [*of.inputs, c], lstm(of, c, p))
    elif code == 43:
        agree(plans.gru(of, bias, linear=True), of.inputs, gru(of, bias, linear=True))
    else:
        agree(plans.rnn(of, 0), of.inputs, rnn(of, 0))
