"""The q8 codes: SIMD, reference, numpy oracle and the oracle of the graph agree, also where i32 wraps."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefn.errors import ModelError
from edgefn.graph.ir import Node
from edgefn.graph.ops import Softmax
from edgefn.graph.ops.fixed import exp_table
from edgefn.graph.plan import read_plan
from edgefn.graph.reference import evaluate

from . import flavours, oracle, plans
from .cornered import Cornered
from .plans import Layer, Window
from .test_broadcasts import shapes
from .test_elements import SEEDS, SHAPES
from .test_pools import pools, words
from .test_products import QUICK, geometries, values

ENDS = np.array([-(2**31), -(2**31) + 1, -(2**30) - 1, -1, 0, 1, 2**30, 2**31 - 1], np.int32)
MULTIPLIERS = np.array([0, 2**30, 2**30 + 1, 2**31 - 1], np.int32)
META = b'{"inputs":[{"name":"x","layout":null}],"outputs":[{"name":"y","layout":null}]}'
BAD_OP, BAD_SHAPE, BAD_PARAMETER, BAD_WEIGHTS = 9, 11, 12, 13


def hold(plan: bytes, inputs, expected: np.ndarray) -> None:
    """As flavours.hold, and the graph's oracle too."""
    flavours.hold(plan, inputs, expected)
    (got,) = evaluate(read_plan(described(plan, len(inputs))), inputs)
    np.testing.assert_array_equal(got.reshape(expected.shape), expected)


def described(plan: bytes, inputs: int = 1) -> bytes:
    """The same plan with meta that names its ports, which the Python reader asks for."""
    fields = list(struct.unpack_from("<15I", plan, 8))
    weights_at, weights_bytes, meta_at = fields[10], fields[11], fields[12]
    ports = b",".join([b'{"name":"x","layout":null}'] * inputs)
    meta = META.replace(b'{"name":"x","layout":null}', ports)
    body = plan[96:meta_at] + meta
    fields[10], fields[13] = -(-(96 + len(body)) // 64) * 64, len(meta)
    body = body.ljust(fields[10] - 96, b"\0") + plan[weights_at : weights_at + weights_bytes]
    fields[0] = 96 + len(body)
    rest = struct.pack("<13I28x", *fields[2:]) + body
    return plan[:8] + struct.pack("<II", fields[0], zlib.crc32(rest)) + rest


def fixed(rng, m: int, size: int) -> Layer:
    """A random epilogue: mostly results that spread over i8, some multipliers, shifts and biases of any kind."""
    wild = rng.random(m) < 0.3
    mult = np.where(wild, rng.choice(MULTIPLIERS, m), rng.integers(2**30, 2**31, m)).astype(np.int32)
    usual = -int(np.log2(40 * np.sqrt(size))) - rng.integers(0, 3, m)
    shift = np.where(wild, rng.integers(-31, 8, m), usual).astype(np.int32)
    bias = np.where(rng.random(m) < 0.2, rng.choice(ENDS, m), rng.integers(-5000, 5000, m)).astype(np.int32)
    low, high = sorted(rng.integers(-128, 128, 2)) if rng.random() < 0.3 else (-128, 127)
    x_zero, y_zero = (int(z) for z in rng.integers(-128, 128, 2))
    return Layer(bias, low, high, mult, x_zero, y_zero, shift)


@QUICK
@given(geometry=geometries(), c=st.integers(1, 19), m=st.integers(1, 35), seed=SEEDS)
def test_a_convolution_agrees_with_the_oracle_in_every_way_it_can_run(geometry, c, m, seed):
    window, (n, h, w), out = geometry
    rng = np.random.default_rng(seed)
    x, weights = values(rng, np.int8, (n, h, w, c)), values(rng, np.int8, (m, window.kh, window.kw, c), -127)
    after = fixed(rng, m, weights[0].size)
    hold(plans.conv2d(x, weights, window, out, after), [x], oracle.conv2d(x, weights, window, out, after))


@QUICK
@given(geometry=geometries(), c=st.integers(1, 37), seed=SEEDS)
def test_a_depthwise_convolution_agrees_with_the_oracle_in_every_way_it_can_run(geometry, c, seed):
    window, (n, h, w), out = geometry
    rng = np.random.default_rng(seed)
    x, weights = values(rng, np.int8, (n, h, w, c)), values(rng, np.int8, (window.kh, window.kw, c), -127)
    after = fixed(rng, c, window.kh * window.kw)
    hold(plans.depthwise(x, weights, window, out, after), [x], oracle.depthwise(x, weights, window, out, after))


@pytest.mark.parametrize("pixels", [1, 5])
@pytest.mark.parametrize("depthwise", [False, True])
def test_every_shift_and_extreme_multiplier_meets_every_extreme_sum(pixels, depthwise):
    shift, mult, bias = (
        v.ravel().astype(np.int32) for v in np.meshgrid(np.arange(-31, 31), MULTIPLIERS, ENDS, indexing="ij")
    )
    after = Layer(bias, -128, 127, mult, 0, -128, shift)
    if depthwise:
        x, w = np.zeros((1, 1, pixels, len(bias)), np.int8), np.ones((1, 1, len(bias)), np.int8)
        x[0, 0, :, ::3] = -1
        plan, expected = plans.depthwise, oracle.depthwise
    else:
        x, w = np.zeros((1, 1, pixels, 1), np.int8), np.ones((len(bias), 1, 1, 1), np.int8)
        plan, expected = plans.conv2d, oracle.conv2d
    hold(plan(x, w, Window(), (1, pixels), after), [x], expected(x, w, Window(), (1, pixels), after))


@pytest.mark.parametrize("shift", [-16, -15, -14, -13, -2, -1, 0, 1])
@pytest.mark.parametrize("y_zero", [-128, 127])
@pytest.mark.parametrize("depthwise", [False, True])
def test_layers_of_one_shift_agree_beside_halves_and_at_the_ends(shift, y_zero, depthwise):
    beside = [(2 * half + 1) * 2 ** max(1 - shift, 0) // 2 + d for half in range(-260, 260, 13) for d in range(-4, 5)]
    sums = np.concatenate([ENDS, np.array(beside, np.int32)])
    mult, bias = (v.ravel().astype(np.int32) for v in np.meshgrid(MULTIPLIERS, sums, indexing="ij"))
    after = Layer(bias, -128, 127, mult, 0, y_zero, np.full(len(bias), shift, np.int32))
    x = np.zeros((1, 1, 1, len(bias) if depthwise else 1), np.int8)
    plan, expected = (plans.depthwise, oracle.depthwise) if depthwise else (plans.conv2d, oracle.conv2d)
    w = np.ones((1, 1, len(bias)) if depthwise else (len(bias), 1, 1, 1), np.int8)
    hold(plan(x, w, Window(), (1, 1), after), [x], expected(x, w, Window(), (1, 1), after))


def test_fixed_point_rounds_twice_and_halves_go_away_from_zero():
    sums = np.array([1, -1, 2, -2, 3, -3, 5, 6], np.int32)
    after = Layer(sums, -128, 127, np.full(8, 2**30, np.int32), 0, 0, np.full(8, -1, np.int32))
    expected = np.array([[[[1, 0, 1, -1, 1, -1, 2, 2]]]], np.int8)  # a quarter of 1 is 1: the half of 1, and again
    x, w = np.zeros((1, 1, 1, 1), np.int8), np.ones((8, 1, 1, 1), np.int8)
    hold(plans.conv2d(x, w, Window(), (1, 1), after), [x], expected)


def exact(rng, m: int, size: int) -> Layer:
    mult = np.where(rng.random(m) < 0.3, 2.0 ** rng.integers(-40, 10, m), rng.random(m) * 0.05 / np.sqrt(size) + 1e-9)
    bias = np.where(rng.random(m) < 0.2, rng.choice(ENDS, m), rng.integers(-5000, 5000, m)).astype(np.int32)
    low, high = sorted(rng.integers(-128, 128, 2)) if rng.random() < 0.3 else (-128, 127)
    return Layer(bias, low, high, mult, int(rng.integers(-128, 128)), int(rng.integers(-128, 128)))


@QUICK
@given(
    rows=st.sampled_from([(), (1,), (2,), (5,), (2, 3), (97,)]),
    k=st.integers(1, 70),
    m=st.integers(1, 70),
    seed=SEEDS,
)
def test_a_dense_layer_agrees_with_the_oracle_in_every_way_it_can_run(rows, k, m, seed):
    rng = np.random.default_rng(seed)
    x, weights = values(rng, np.int8, (*rows, k)), values(rng, np.int8, (m, k), -127)
    after = exact(rng, m, k)
    hold(plans.dense(x, weights, after), [x], oracle.product(x, weights, after))


@pytest.mark.parametrize("rows", [1, 3])
def test_a_dense_layer_rounds_halves_away_from_zero_and_saturates_before_its_zero_point_wraps(rows):
    factors = np.array([0.5, np.nextafter(0.5, 0), 1.5, 1e300, 1.0, 5e-324], np.float64)
    mult, bias = (v.ravel() for v in np.meshgrid(factors, ENDS, indexing="ij"))
    after = Layer(bias.astype(np.int32), -128, 127, mult, 0, 9)
    x, w = np.zeros((rows, 1), np.int8), np.ones((len(bias), 1), np.int8)
    hold(plans.dense(x, w, after), [x], oracle.product(x, w, after))
    one = oracle.product(x, w, after)[0].reshape(len(factors), len(ENDS))
    assert one[0].tolist() == [-128, -128, -128, 8, 9, 10, 127, 127]
    assert one[1, 3:6].tolist() == [9, 9, 9]


PAIRS = ("add", "sub", "mul", "squared_difference", "prelu", "max", "min")


def any_factor(rng, usual: int) -> tuple[int, int]:
    if rng.random() < 0.3:
        return int(rng.choice(MULTIPLIERS)), int(rng.integers(-31, 31))
    return int(rng.integers(2**30, 2**31)), usual + int(rng.integers(-1, 2))


@pytest.mark.parametrize("name", PAIRS)
@QUICK
@given(shapes=shapes(2), width=st.sampled_from([1, 7, 8, 33]), seed=SEEDS)
def test_two_operands_that_broadcast_agree_with_the_oracle_in_every_way_they_can_run(name, shapes, width, seed):
    rng = np.random.default_rng(seed)
    (left, right), whole = shapes
    shape = (*whole[1:], width)
    a, b = (values(rng, np.int8, (*s[1:], rng.choice([1, width]))) for s in (left, right))
    a = np.broadcast_to(a, shape) if seed % 2 else a
    shape = np.broadcast_shapes(a.shape, b.shape)
    factors = [any_factor(rng, -1), any_factor(rng, -1), any_factor(rng, {"mul": -6, "prelu": -6}.get(name, -17))]
    zeros = [int(z) for z in rng.integers(-128, 128, 3)]
    expected = oracle.binary_q8(name, a, b, factors, zeros, -100, 127)
    words = [PAIRS.index(name), *(v for f in factors for v in f), *zeros, -100, 127]
    plan = plans.many(60, [a, b], "int8", shape, *words, onto=0 if a.shape == shape and seed % 3 else -1)
    hold(plan, [np.ascontiguousarray(a), b], np.broadcast_to(expected, shape))


@pytest.mark.parametrize("power", range(-31, 31))
def test_every_multiplier_and_shift_meets_every_product_of_two_bytes(power):
    a, b = np.arange(-128, 128, dtype=np.int8)[:, None], np.arange(-128, 128, dtype=np.int8)[None]
    for mult in MULTIPLIERS.tolist():
        factors, zeros = [(0, 0), (0, 0), (mult, power)], [-128, 127, 5]
        words = [2, *(v for f in factors for v in f), *zeros, -128, 127]
        expected = oracle.binary_q8("mul", a, b, factors, zeros, -128, 127)
        hold(plans.many(60, [a, b], "int8", (256, 256), *words), [a, b], expected)


@QUICK
@given(
    outer=st.integers(1, 3),
    n=st.sampled_from([1, 2, 15, 16, 17, 49, 255, 256, 257, 600]),
    inner=st.sampled_from([1, 2, 15, 16, 17, 33]),
    seed=SEEDS,
)
def test_a_sum_agrees_with_the_oracle_in_every_way_it_can_run(outer, n, inner, seed):
    rng = np.random.default_rng(seed)
    x = values(rng, np.int8, (outer, n, inner)) if seed % 4 else np.full((outer, n, inner), -128, np.int8)
    mult, power = (int(rng.integers(0, 2**31)), int(rng.integers(-31, 31))) if seed % 2 else (2**30, -9)
    zeros = [int(z) for z in rng.integers(-128, 128, 2)]
    total = (x.astype(np.int64) - zeros[0]).sum(axis=1)
    expected = oracle.ended(oracle.scaled(total, mult, power), zeros[1], -128, 127)
    hold(plans.unary(61, x, "int8", (outer, inner), n, inner, mult, power, *zeros), [x], expected)


@QUICK
@given(rows=st.integers(1, 4), n=st.sampled_from([1, 2, 5, 64, 511]), zero=st.integers(-128, 127), seed=SEEDS)
def test_rows_of_length_one_agree_with_the_oracle_in_every_way_they_can_run(rows, n, zero, seed):
    rng = np.random.default_rng(seed)
    x = values(rng, np.int8, (rows, n))
    x[0] = np.clip(zero + rng.integers(-1, 2, n), -128, 127)
    hold(plans.unary(62, x, "int8", x.shape, zero, in_place=bool(seed % 2)), [x], oracle.l2_norm_q8(x, zero))


def test_the_longest_row_of_the_furthest_numbers_has_a_length():
    x = np.full((1, 2**15), -128, np.int8)
    hold(plans.unary(62, x, "int8", x.shape, 127), [x], oracle.l2_norm_q8(x, 127))


@QUICK
@given(pool=pools(), c=st.integers(1, 37), seed=SEEDS)
def test_an_average_pool_agrees_with_the_oracle_in_every_way_it_can_run(pool, c, seed):
    window, shape, out = pool
    x = values(np.random.default_rng(seed), np.int8, (*shape, c))
    plan = plans.unary(27, x, "int8", (shape[0], *out, c), *words(window), -100, 127)
    hold(plan, [x], oracle.average_pool_q8(x, window, out, -100, 127))


@pytest.mark.parametrize("side", [255, 256])
@pytest.mark.parametrize("mean", [-128, -127, -1, 0, 126])
def test_the_mean_of_the_largest_window_is_exact_beside_a_half(side, mean):
    count = side * side
    x = np.full((count, 9), mean, np.int8)
    for channel in range(9):
        x[: count // 2 - 4 + channel, channel] += 1
    x = x.reshape(1, side, side, 9)
    window = Window(side, side)
    plan = plans.unary(27, x, "int8", (1, 1, 1, 9), *words(window), -128, 127)
    flavours.hold(plan, [x], oracle.average_pool_q8(x, window, (1, 1), -128, 127))


@QUICK
@given(shape=SHAPES, scale=st.floats(1e-4, 1.0), seed=SEEDS, in_place=st.booleans())
def test_softmax_agrees_with_the_oracle_in_every_way_it_can_run(shape, scale, seed, in_place):
    x = values(np.random.default_rng(seed), np.int8, shape)
    table = exp_table(Node("softmax", Softmax(), ("x",), "y"), scale)
    hold(plans.softmax_q8(x, table, in_place=in_place), [x], oracle.softmax_q8(x, table))


@QUICK
@given(n=st.sampled_from([1, 7, 511, 512, 1000, 4095]), seed=SEEDS)
def test_softmax_of_any_allowed_table_and_of_long_flat_rows_agrees_with_the_oracle(n, seed):
    rng = np.random.default_rng(seed)
    table = rng.choice([0, 1, 2**12, 2**30, 2**31 - 1], 256).astype(np.int32)
    table[0] = 2**31 - 1
    x = (values(rng, np.int8, (2, n)) // rng.choice([1, 60, 256])).astype(np.int8)
    hold(plans.softmax_q8(x, table), [x], oracle.softmax_q8(x, table))


def refused(plan: bytes, status: int) -> None:
    """Both readers refuse it."""
    assert Cornered(plan).status == status
    with pytest.raises(ModelError) as error:
        read_plan(described(plan))
    assert error.value.code == "EFN-M022"


X = np.ones((1, 2, 2, 9), np.int8)


@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize(
    ("mult", "shift"), [(1, 0), (-1, 0), (2**30 - 1, 0), (-(2**31), 0), (2**30, 31), (2**30, -32), (2**30, 2**31 - 1)]
)
def test_a_multiplier_or_shift_out_of_range_is_refused(mult, shift, depthwise):
    mults, shifts = np.full(9, 2**30, np.int32), np.zeros(9, np.int32)
    mults[8], shifts[8] = mult, shift
    after = Layer(np.zeros(9, np.int32), -128, 127, mults, 0, 0, shifts)
    if depthwise:
        refused(plans.depthwise(X, X[0, :1, :1], Window(), (2, 2), after), BAD_WEIGHTS)
    else:
        refused(plans.conv2d(X, np.ones((9, 1, 1, 9), np.int8), Window(), (2, 2), after), BAD_WEIGHTS)


@pytest.mark.parametrize("mult", [0.0, -1.0, float("inf"), float("nan")])
def test_an_f64_multiplier_out_of_range_is_refused(mult):
    after = Layer(np.zeros(2, np.int32), -128, 127, np.array([1.0, mult]))
    refused(plans.dense(X[0, 0], np.ones((2, 9), np.int8), after), BAD_WEIGHTS)


@pytest.mark.parametrize(
    ("at", "word"),
    [(0, 7), (1, 1), (2, 31), (2, -32), (3, 2**31), (5, 2**32 - 1), (6, 31), (7, 128), (9, -129), (10, 99)],
)
def test_a_word_of_a_pair_out_of_range_is_refused(at, word):
    words = [2, *(2**30, -1) * 3, 0, 0, 0, -128, 127]
    words[at] = word
    if at == 10:
        words[11] = 98
    refused(plans.add(60, X, X, *words, constant=True), BAD_PARAMETER)


@pytest.mark.parametrize(
    ("at", "word", "status"),
    [
        (0, 3, BAD_SHAPE),
        (1, 0, BAD_PARAMETER),
        (2, 2**31, BAD_PARAMETER),
        (3, 31, BAD_PARAMETER),
        (5, 128, BAD_PARAMETER),
    ],
)
def test_a_word_of_a_sum_out_of_range_is_refused(at, word, status):
    words = [4, 9, 2**30, -1, 0, 0]
    words[at] = word
    refused(plans.unary(61, X, "int8", (1, 9), *words), status)


@pytest.mark.parametrize(("entry", "value"), [(0, 2**31 - 2), (1, -1), (255, -(2**31))])
def test_a_softmax_table_out_of_range_is_refused(entry, value):
    table = np.full(256, 2**31 - 1, np.int32)
    table[entry] = value
    refused(plans.softmax_q8(X, table), BAD_WEIGHTS)


def test_a_row_too_long_and_a_window_too_large_are_refused():
    refused(plans.softmax_q8(np.zeros((1, 4096), np.int8), np.full(256, 2**31 - 1, np.int32)), BAD_SHAPE)
    refused(plans.unary(62, np.zeros((1, 2**15 + 1), np.int8), "int8", (1, 2**15 + 1), 0), BAD_SHAPE)
    refused(plans.unary(62, X, "int8", (1, 2, 9, 2), 0), BAD_SHAPE)
    refused(plans.unary(27, X, "int8", (1, 1, 1, 9), 257, 256, 1, 1, 0, 0, -128, 127), BAD_PARAMETER)
