"""binary and select are numpy's, under its broadcasting; cast and lookup element by element."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefn.engine.standalone import Runner

from . import plans
from .cornered import Cornered
from .flavours import hold
from .test_products import QUICK

F, I32 = np.float32, np.int32
SEEDS = st.integers(0, 2**32 - 1)
NAMES = (
    *("add", "sub", "mul", "div", "max", "min", "mod", "fmod", "pow", "prelu", "and", "or", "xor"),
    *("equal", "not_equal", "less", "less_equal"),
)
BORDERS = np.array([-(2**31), -1, 0, 1, 2, 7, 2**31 - 1], I32)
SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, 1.0, -1.0, 2.5, -3.0, 3e38, 16777216.0], F)


def divided(a, b):
    if a.dtype == F:
        return a / b
    cut = np.trunc(a.astype(np.float64) / np.where(b == 0, 1, b)).astype(np.int64)
    return np.where(b == 0, 0, cut)


FUNCTIONS = {
    **dict(zip(NAMES[:3], (np.add, np.subtract, np.multiply), strict=True)),
    "div": divided,
    **dict(zip(NAMES[4:8], (np.maximum, np.minimum, np.mod, np.fmod), strict=True)),
    "prelu": lambda a, b: np.where(a < 0, a * b, a),
    **dict(zip(NAMES[10:13], (np.bitwise_and, np.bitwise_or, np.bitwise_xor), strict=True)),
    **{name: getattr(np, name) for name in NAMES[13:]},
}


@st.composite
def shapes(draw, count):
    """Shapes of operands, and the one that they broadcast to."""
    whole = draw(st.lists(st.sampled_from([1, 2, 3, 5, 9]), max_size=6))
    operands = []
    for _ in range(count):
        shape = [d if draw(st.booleans()) else 1 for d in whole]
        operands.append(tuple(shape[draw(st.integers(0, len(shape))) :] if draw(st.booleans()) else shape))
    return operands, tuple(whole)


def numbers(rng, dtype, shape):
    if dtype == F:
        usual = rng.standard_normal(shape).astype(F) * F(4)
        return np.where(rng.random(shape) < 0.2, rng.choice(SPECIAL, shape), usual).astype(F)
    info = np.iinfo(dtype)
    usual = rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    small = rng.integers(-9 if info.min else 0, 10, shape).astype(dtype)
    picked = np.where(rng.random(shape) < 0.5, usual, small)
    return np.where(rng.random(shape) < 0.2, rng.choice(BORDERS, shape).astype(dtype), picked).astype(dtype)


def kinds():
    floats = [(name, F) for name in NAMES if name not in {"pow", "and", "or", "xor"}]
    whole = [(name, I32) for name in NAMES if name not in {"pow", "prelu"}]
    return [*floats, *whole, *((name, np.uint8) for name in ("and", "or", "xor"))]


@pytest.mark.parametrize(("name", "dtype"), kinds(), ids=lambda v: v if isinstance(v, str) else v.__name__)
@QUICK
@given(shapes=shapes(2), seed=SEEDS)
def test_a_function_of_two_operands_is_numpys_in_every_way_it_can_run(name, dtype, shapes, seed):
    rng = np.random.default_rng(seed)
    (left, right), shape = shapes
    a, b = numbers(rng, dtype, left), numbers(rng, dtype, right)
    result = np.uint8 if name in NAMES[13:] else dtype
    with np.errstate(all="ignore"):
        expected = np.broadcast_to(FUNCTIONS[name](a, b), shape).astype(result)
    onto = 0 if left == shape and result == dtype and seed % 2 else -1
    hold(plans.many(31, [a, b], np.dtype(result).name, shape, NAMES.index(name), onto=onto), [a, b], expected)


@QUICK
@given(seed=SEEDS)
def test_powers_are_as_exact_as_promised_and_special_as_in_c(seed):
    rng = np.random.default_rng(seed)
    a, b = numbers(rng, F, (300,)), numbers(rng, F, (300,))
    a[::2] = np.abs(a[::2])
    plan = plans.many(31, [a, b], "float32", a.shape, NAMES.index("pow"))
    with Runner(plan) as runner:
        y = np.frombuffer(runner.run([a, b])[0], F)
    hold(plan, [a, b], y)
    with np.errstate(all="ignore"):
        wanted = np.power(a.astype(np.float64), b.astype(np.float64))
        np.testing.assert_allclose(y, wanted.astype(F), rtol=1.2e-7, atol=1e-45)


@pytest.mark.parametrize("dtype", ["float32", "int32", "int8", "uint8"])
@QUICK
@given(shapes=shapes(3), seed=SEEDS)
def test_a_selection_is_numpys_where_in_every_way_it_can_run(dtype, shapes, seed):
    rng = np.random.default_rng(seed)
    (first, second, third), shape = shapes
    cond, a, b = (rng.integers(0, 3, s).astype(t) for s, t in ((first, "uint8"), (second, dtype), (third, dtype)))
    expected = np.broadcast_to(np.where(cond, a, b), shape).astype(dtype)
    onto = 1 if second == shape and seed % 2 else -1
    hold(plans.many(32, [cond, a, b], dtype, shape, onto=onto), [cond, a, b], expected)


@pytest.mark.parametrize("source", [F, I32, np.int8, np.uint8])
@pytest.mark.parametrize("target", [F, I32, np.int8, np.uint8])
@QUICK
@given(n=st.integers(1, 20), seed=SEEDS)
def test_a_cast_saturates_floats_and_wraps_integers(source, target, n, seed):
    x = numbers(np.random.default_rng(seed), source, (n,))
    with np.errstate(over="ignore"):
        x = x * source(60 if source == F else 1)
    if source == F and target != F:
        ends = np.iinfo(target)
        expected = np.clip(np.nan_to_num(np.trunc(x.astype(np.float64))), ends.min, ends.max).astype(target)
    else:
        expected = x.astype(target)
    hold(plans.unary(33, x, np.dtype(target).name, x.shape), [x], expected)


@pytest.mark.parametrize("source", [np.int8, np.uint8])
@pytest.mark.parametrize("target", [np.int8, np.uint8])
@pytest.mark.parametrize("n", [1, 3, 4, 39])
def test_a_lookup_gives_every_byte_its_entry(source, target, n):
    rng = np.random.default_rng(n)
    x, table = rng.integers(0, 256, n).astype(source), rng.integers(0, 256, 256).astype(target)
    hold(plans.lookup(x, table), [x], table[x.view(np.uint8)])


@pytest.mark.parametrize(
    ("a", "b", "dims", "function", "status"),
    [
        (np.ones(4, F), np.ones(4, F), (4,), 17, 12),
        (np.ones(4, F), np.ones(4, F), (4,), 10, 10),
        (np.ones(4, I32), np.ones(4, I32), (4,), 8, 10),
        (np.ones(4, F), np.ones(4, I32), (4,), 0, 10),
        (np.ones(4, F), np.ones(4, F), (4,), 13, 10),
        (np.ones(4, F), np.ones(3, F), (4,), 0, 11),
        (np.ones(4, F), np.ones((1, 4), F), (4,), 0, 11),
        (np.ones((2, 4), F), np.ones(4, F), (1, 4), 0, 11),
    ],
)
def test_operands_that_do_not_fit_are_refused(a, b, dims, function, status):
    assert Cornered(plans.many(31, [a, b], "float32", dims, function)).status == status
