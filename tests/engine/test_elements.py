"""Ops that treat each element, or each row, by itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefn.engine.standalone import Runner

from . import oracle, plans
from .flavours import hold
from .test_products import QUICK, values

F = np.float32
SEEDS = st.integers(0, 2**32 - 1)
SPECIAL = np.array([np.nan, np.inf, -np.inf, -0.0, 0.5, 1.5, 2.5, -0.5, -1.5, 3e38, -3e38, 1e-40], F)


def other(rng, dtype, shape, kind):
    """The second operand of an addition."""
    return values(rng, dtype, {"whole": shape, "vector": shape[-1:], "single": (1,)}[kind])


KINDS = st.sampled_from(["whole", "vector", "single"])
SHAPES = st.lists(st.integers(1, 11), min_size=1, max_size=4).map(tuple)


@QUICK
@given(shape=SHAPES, kind=KINDS, constant=st.booleans(), seed=SEEDS)
def test_an_f32_addition_agrees_with_the_oracle_in_every_way_it_can_run(shape, kind, constant, seed):
    rng = np.random.default_rng(seed)
    a = values(rng, F, shape)
    b = other(rng, F, shape, kind)
    plan = plans.add(7, a, b, -1.0, 2.0, constant=constant)
    hold(plan, [a] if constant else [a, b], np.minimum(np.maximum(a + b, F(-1)), F(2)))


@QUICK
@given(shape=SHAPES, kind=KINDS, constant=st.booleans(), seed=SEEDS)
def test_an_i8_addition_agrees_with_the_oracle_in_every_way_it_can_run(shape, kind, constant, seed):
    rng = np.random.default_rng(seed)
    a = values(rng, np.int8, shape)
    b = other(rng, np.int8, shape, kind)
    mults = tuple(F(rng.random() + 0.01) for _ in range(2))
    zeros = tuple(int(z) for z in rng.integers(-128, 128, 3))
    plan = plans.add(8, a, b, *mults, *zeros, -128, 120, constant=constant)
    hold(plan, [a] if constant else [a, b], oracle.add_i8(a, b, *mults, *zeros, -128, 120))


@QUICK
@given(n=st.integers(1, 50), in_place=st.booleans(), seed=SEEDS)
def test_a_clamp_agrees_with_the_oracle_in_every_way_it_can_run(n, in_place, seed):
    rng = np.random.default_rng(seed)
    x, q = values(rng, F, (n,)), values(rng, np.int8, (n,))
    f32 = plans.unary(13, x, "float32", (n,), 0.0, float("inf"), in_place=in_place)
    hold(f32, [x], np.maximum(x, F(0)))
    hold(plans.unary(14, q, "int8", (n,), -20, 30, in_place=in_place), [q], np.clip(q, -20, 30))


@QUICK
@given(n=st.integers(1, 50), zero=st.integers(-128, 127), seed=SEEDS)
def test_quantizing_agrees_with_the_oracle_for_every_kind_of_float(n, zero, seed):
    rng = np.random.default_rng(seed)
    x = np.where(rng.random(n) < 0.4, rng.choice(SPECIAL, n), values(rng, F, (n,)) * F(5)).astype(F)
    inverse = F(10.0 if seed % 2 else 1.0)
    with np.errstate(over="ignore"):
        expected = oracle.narrow(x * inverse, zero, -128, 127)
    hold(plans.unary(16, x, "int8", (n,), inverse, zero), [x], expected)


@QUICK
@given(n=st.integers(1, 50), zero=st.integers(-128, 127), y_zero=st.integers(-128, 127), seed=SEEDS)
def test_dequantizing_and_requantizing_agree_with_the_oracle(n, zero, y_zero, seed):
    rng = np.random.default_rng(seed)
    x, scale = values(rng, np.int8, (n,)), F(rng.random() * 2 + 0.01)
    real = (x.astype(np.int32) - zero).astype(F) * scale
    hold(plans.unary(17, x, "float32", (n,), scale, zero), [x], real)
    narrowed = oracle.narrow(real, y_zero, -128, 127)
    hold(plans.unary(18, x, "int8", (n,), scale, zero, y_zero, in_place=bool(seed % 2)), [x], narrowed)


@pytest.mark.parametrize("n", [1, 15, 16, 40])
def test_flipping_the_sign_turns_bytes_into_their_signed_twins_and_back(n):
    x = np.arange(n).astype(np.uint8)
    signed = (x.astype(np.int16) - 128).astype(np.int8)
    hold(plans.unary(19, x, "int8", (n,)), [x], signed)
    hold(plans.unary(19, signed, "uint8", (n,), in_place=True), [signed], x)


@QUICK
@given(shape=SHAPES, width=st.floats(0.1, 60), in_place=st.booleans(), seed=SEEDS)
def test_softmax_is_as_exact_as_promised_and_the_same_bits_in_every_way(shape, width, in_place, seed):
    x = values(np.random.default_rng(seed), F, shape) * F(width)
    plan = plans.unary(15, x, "float32", shape, in_place=in_place)
    with Runner(plan) as runner:
        got = np.frombuffer(runner.run([x])[0], F).reshape(shape)
    np.testing.assert_allclose(got, oracle.softmax(x), rtol=2e-6, atol=1e-37)
    hold(plan, [x], got)


def test_softmax_of_infinities_and_far_apart_values_does_not_trap():
    x = np.array([[np.nan, 1, 2, 3, 4], [np.inf, 1, 2, 3, 4], [-np.inf, 0, -1e38, 3e38, -200]], F)
    plan = plans.unary(15, x, "float32", x.shape)
    with Runner(plan) as runner:
        got = np.frombuffer(runner.run([x])[0], F).reshape(x.shape)
    np.testing.assert_array_equal(got[2], [0, 0, 0, 1, 0])
