"""Sums of bytes as linear forms: for every pair what they stand for, and nearly always found."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine import oracle
from tests.graph.ops.test_fixed import graph, i8, plan_of

from edgefn.graph.ir import OPEN, Bounds
from edgefn.graph.ops import Add
from edgefn.graph.ops.linear import BYTES, Linear, linear_of
from edgefn.graph.reference import evaluate

A, B = (np.ascontiguousarray(v, np.int8) for v in np.meshgrid(BYTES, BYTES, indexing="ij"))
SCALES = st.floats(2.0**-10, 1.0, width=32)
ZEROS = st.integers(-128, 127)


def codes_and_sums(rounding, scales, zeros, bounds=OPEN):
    """The code that an addition becomes, and what it makes of all pairs of bytes."""
    a, b, y = (i8(name, A.shape, s, z) for name, s, z in zip("aby", scales, zeros, strict=True))
    plan = plan_of(graph(Add(bounds), [a, b], y, rounding))
    return plan.ops[0], evaluate(plan, [A, B])[0]


def wanted(rounding, scales, zeros, low, high):
    """The same in the arithmetic of add_i8, or of TFLite."""
    a, b, y = (float(np.float32(s)) for s in scales)
    if rounding == "float":
        return oracle.add_i8(A, B, np.float32(a / y), np.float32(b / y), *zeros, low, high)
    step = 2 * max(a, b)
    factors = [fixed(real) for real in (a / step, b / step, step / (2**20 * y))]
    return oracle.binary_q8("add", A, B, factors, zeros, low, high)


def fixed(real: float) -> tuple[int, int]:
    """As multiplier and shift; what is too small is 0."""
    fraction, shift = np.frexp(real)
    whole = int(np.floor(fraction * 2**31 + 0.5))
    mult, shift = (whole, int(shift)) if whole < 2**31 else (2**30, int(shift) + 1)
    return (mult, shift) if shift >= -31 else (0, 0)


@pytest.mark.parametrize("rounding", ["float", "fixed"])
@settings(max_examples=60, deadline=None)
@given(scales=st.tuples(SCALES, SCALES, SCALES), zeros=st.tuples(ZEROS, ZEROS, ZEROS), positive=st.booleans())
def test_a_sum_is_that_of_its_arithmetic_for_every_pair_of_bytes(rounding, scales, zeros, positive):
    op, sums = codes_and_sums(rounding, scales, zeros, Bounds(0.0) if positive else OPEN)
    assert op["low"] == (zeros[2] if positive else -128)
    np.testing.assert_array_equal(sums, wanted(rounding, scales, zeros, op["low"], 127))


@pytest.mark.parametrize(("rounding", "otherwise"), [("float", "add_i8"), ("fixed", "binary_q8")])
def test_nearly_every_sum_of_measured_ranges_has_a_linear_form(rounding, otherwise):
    rng = np.random.default_rng(7)
    found = []
    for _ in range(100):
        a, b = np.exp(rng.uniform(-5, -2, 2)).astype(np.float32)
        scales = (a, b, np.float32((a + b) * rng.uniform(0.4, 1)))
        found.append(codes_and_sums(rounding, scales, rng.integers(-128, 128, 3).tolist())[0].code.name)
    assert set(found) <= {"add_linear_i8", otherwise}
    assert found.count("add_linear_i8") >= 95


@pytest.mark.parametrize("scales", [(1.0, 1.0, 1.0), (0.5, 0.5, 1.0), (0.25, 0.5, 2.0), (1.0, 0.5, 4.0)])
def test_a_sum_of_powers_of_two_is_linear_where_halves_go_away_from_zero(scales):
    op, sums = codes_and_sums("fixed", scales, (0, 0, 0))
    assert op.code.name == "add_linear_i8"
    np.testing.assert_array_equal(sums, wanted("fixed", scales, (0, 0, 0), -128, 127))


@pytest.mark.parametrize(
    ("rounding", "scales", "code"),
    [("float", (0.5, 0.5, 1.0), "add_i8"), ("fixed", (0.06, 0.23, 0.04), "binary_q8")],
)
def test_a_sum_without_a_linear_form_is_computed_as_it_is_defined(rounding, scales, code):
    op, sums = codes_and_sums(rounding, scales, (0, 0, 0))
    assert op.code.name == code
    np.testing.assert_array_equal(sums, wanted(rounding, scales, (0, 0, 0), -128, 127))


@pytest.mark.parametrize("scales", [(1.0, 1.0, 1e-6), (1e-30, 1e-30, 1.0), (1e-30, 1.0, 1.0), (1.0, 1e-6, 1e-4)])
@pytest.mark.parametrize("rounding", ["float", "fixed"])
def test_scales_far_apart_are_no_trouble(rounding, scales):
    op, sums = codes_and_sums(rounding, scales, (3, -5, 7))
    np.testing.assert_array_equal(sums, wanted(rounding, scales, (3, -5, 7), op["low"], op["high"]))


def test_what_is_no_sum_has_no_form():
    table = np.clip(A.astype(int) * B // 64, -128, 127)
    assert linear_of(table, (1.0, 1.0), -128, 127) is None
    assert linear_of(np.full((256, 256), 127), (1.0, 1.0), -128, 127) is None


def test_a_form_knows_whether_32_bits_hold_it():
    assert Linear(2**23 - 1, 2**23 - 1, 255, 0).fits
    assert not Linear(2**23 - 1, 2**23 - 1, 256, 0).fits
    assert not Linear(-(2**23), 0, 0, 0).fits
