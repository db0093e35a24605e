"""add_linear_i8: SIMD, reference, numpy oracle and the oracle of the graph agree, and no sum can leave 32 bits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from . import oracle, plans
from .test_elements import KINDS, SEEDS, other
from .test_fixed_point import BAD_PARAMETER, hold, refused
from .test_products import QUICK, values

CODE = 63
LIMIT = 2**23
SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 150)) | st.tuples(st.integers(1, 150))


def form(rng) -> tuple[int, int, int, int]:
    """Factors, offset and shift: mostly such that results spread over i8, some as far out as they may be."""
    if rng.random() < 0.3:
        a, b = (int(v) for v in rng.choice([1 - LIMIT, -256, -1, 0, 255, LIMIT - 1], 2))
        room = 2**31 - 1 - 128 * (abs(a) + abs(b))
        return a, b, int(rng.choice([-room, 0, room])), int(rng.choice([0, 1, 22, 31]))
    a, b = (int(v) for v in rng.integers(-LIMIT // 4, LIMIT // 4, 2))
    return a, b, int(rng.integers(-(2**27), 2**27)), int(rng.integers(20, 23))


@QUICK
@given(shape=SHAPES, kind=KINDS, constant=st.booleans(), seed=SEEDS)
def test_a_linear_form_agrees_with_the_oracle_in_every_way_it_can_run(shape, kind, constant, seed):
    rng = np.random.default_rng(seed)
    a, b, words = values(rng, np.int8, shape), other(rng, np.int8, shape, kind), form(rng)
    plan = plans.add(CODE, a, b, *words, -128, 120, constant=constant)
    hold(plan, [a] if constant else [a, b], oracle.add_linear_i8(a, b, *words, -128, 120))


@QUICK
@given(n=st.integers(1, 150), onto=st.integers(0, 1), seed=SEEDS)
def test_a_linear_form_may_run_on_top_of_an_operand(n, onto, seed):
    rng = np.random.default_rng(seed)
    a, b, words = values(rng, np.int8, (n,)), values(rng, np.int8, (n,)), form(rng)
    plan = plans.many(CODE, [a, b], "int8", (n,), *words, -100, 127, onto=onto)
    hold(plan, [a, b], oracle.add_linear_i8(a, b, *words, -100, 127))


@pytest.mark.parametrize(
    "words", [(1621615, 4289131, -76976647, 21), (1 - LIMIT, LIMIT - 1, -255, 23), (-1, 256, 3, 1)]
)
def test_every_pair_of_bytes_has_its_place(words):
    a, b = np.arange(2**16).astype(np.int8), (np.arange(2**16) >> 8).astype(np.int8)
    hold(plans.add(CODE, a, b, *words, -128, 127), [a, b], oracle.add_linear_i8(a, b, *words, -128, 127))


@pytest.mark.parametrize(
    "words",
    [
        (LIMIT, 0, 0, 22),
        (-LIMIT, 0, 0, 22),
        (0, LIMIT, 0, 22),
        (0, -(2**31), 0, 22),
        (LIMIT - 1, 1 - LIMIT, 256, 22),
        (LIMIT - 1, LIMIT - 1, -256, 22),
        (0, 0, -(2**31), 22),
        (1, 0, 2**31 - 128, 22),
        (1, 1, 0, 32),
        (1, 1, 0, 2**32 - 1),
    ],
)
def test_what_could_leave_32_bits_is_refused(words):
    x = np.ones((2, 9), np.int8)
    refused(plans.add(CODE, x, x, *words, -128, 127, constant=True), BAD_PARAMETER)


@pytest.mark.parametrize("words", [(LIMIT - 1, LIMIT - 1, 255, 31), (0, 1 - LIMIT, 2**30 + 127, 0)])
def test_what_just_stays_within_32_bits_is_taken(words):
    x = np.array([-128, 127, 0], np.int8)
    hold(plans.add(CODE, x, x, *words, -128, 127), [x, x], oracle.add_linear_i8(x, x, *words, -128, 127))
