"""conv2d, depthwise and dense: SIMD, reference and oracle agree over shapes that fill no block evenly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from . import oracle, plans
from .flavours import hold
from .plans import Layer, Window

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.int8], ids=["f32", "i8"])
QUICK = settings(max_examples=40, deadline=None)


@st.composite
def axes(draw, largest_kernel=4):
    """Kernel, stride, dilation, pad, input and output size of one spatial axis, as plan.md allows them."""
    kernel, stride, dilation = draw(st.integers(1, largest_kernel)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    reach = (kernel - 1) * dilation + 1
    pad, size = draw(st.integers(0, reach - 1)), draw(st.integers(1, 9))
    return kernel, stride, dilation, pad, size, draw(st.integers(1, (size + pad - 1) // stride + 1))


@st.composite
def geometries(draw):
    """A window, an input [N][H][W] and an output size."""
    rows, columns = draw(axes()), draw(axes())
    window = Window(rows[0], columns[0], rows[1], columns[1], rows[2], columns[2], rows[3], columns[3])
    return window, (draw(st.integers(1, 2)), rows[4], columns[4]), (rows[5], columns[5])


def values(rng, dtype, shape, low=-128):
    if dtype == np.float32:
        return rng.standard_normal(shape).astype(np.float32)
    return rng.integers(low, 128, shape).astype(np.int8)


def layer(rng, dtype, m, size):
    """A random epilogue whose results spread over the whole range; `size` is the number of products."""
    if dtype == np.float32:
        low = rng.choice([-np.inf, 0.0, -1.0])
        return Layer(values(rng, dtype, m), low, rng.choice([np.inf, 1.0, 6.0]))
    bias = rng.integers(-5000, 5000, m).astype(np.int32)
    mult = (rng.random(m) * 0.03 / np.sqrt(size) + 1e-6).astype(np.float32)
    low, high = sorted(rng.integers(-128, 128, 2)) if rng.random() < 0.3 else (-128, 127)
    zeros = int(rng.integers(-128, 128)), int(rng.integers(-128, 128))
    return Layer(bias, low, high, scaling(rng, mult), *zeros)


def scaling(rng, factor):
    """Factors alone, or with offsets of one sign, of both, or beyond all sums."""
    m = len(factor)
    least, most = ((0, 0), (-1, 0), (0, 1), (-1, 1), (-(2**31), 2**31))[rng.integers(5)]
    if not least and not most:
        return factor
    return np.stack([factor, rng.uniform(least, most, m), rng.integers(-255, 256, m)]).astype(np.float32)


def spread(dtype, size):
    return float(4 * np.sqrt(size)) if dtype == np.float32 else 0.0


@DTYPES
@QUICK
@given(geometry=geometries(), c=st.integers(1, 19), m=st.integers(1, 35), seed=st.integers(0, 2**32 - 1))
def test_a_convolution_agrees_with_the_oracle_in_every_way_it_can_run(dtype, geometry, c, m, seed):
    window, (n, h, w), out = geometry
    rng = np.random.default_rng(seed)
    x, weights = values(rng, dtype, (n, h, w, c)), values(rng, dtype, (m, window.kh, window.kw, c), -127)
    after = layer(rng, dtype, m, weights[0].size)
    plan = plans.conv2d(x, weights, window, out, after)
    hold(plan, [x], oracle.conv2d(x, weights, window, out, after), scale=spread(dtype, weights[0].size))


@DTYPES
@pytest.mark.parametrize(("pixels", "c", "m"), [(97, 16, 24), (192, 7, 8), (100, 33, 9), (1, 40, 64)])
def test_a_pointwise_convolution_of_several_blocks_agrees_with_the_oracle(dtype, pixels, c, m):
    rng = np.random.default_rng(pixels)
    x, weights = values(rng, dtype, (1, 1, pixels, c)), values(rng, dtype, (m, 1, 1, c), -127)
    after, window = layer(rng, dtype, m, c), Window()
    plan = plans.conv2d(x, weights, window, (1, pixels), after)
    hold(plan, [x], oracle.conv2d(x, weights, window, (1, pixels), after), scale=spread(dtype, c))


@DTYPES
@pytest.mark.parametrize(
    ("window", "shape", "out"),
    [
        (Window(3, 3, 2, 2, pad_top=1, pad_left=1), (1, 7, 199, 3), (4, 100)),  # more columns than a block
        (Window(3, 3, pad_top=1, pad_left=1), (2, 31, 33, 3), (31, 33)),
        (Window(10, 4, 2, 2, pad_top=4, pad_left=1), (1, 49, 10, 1), (25, 5)),
        (Window(7, 7, 2, 2, pad_top=3, pad_left=3), (1, 12, 11, 5), (6, 6)),  # runs of more than 16 pairs
        (Window(2, 3, 1, 1, 3, 2, 1, 2), (3, 20, 30, 3), (17, 29)),
        (Window(5, 3), (3, 5, 3, 7), (1, 1)),
        (Window(1, 1, 3, 2), (2, 40, 9, 5), (14, 5)),
        (Window(3, 1, 2, 1), (1, 300, 1, 9), (149, 1)),
        (Window(3, 2, 2, 1), (2, 30, 110, 8), (14, 109)),  # f32: read in place, and ends between tiles
        (Window(2, 3, 1, 1, 2, 2), (2, 9, 12, 4), (7, 8)),
    ],
    ids=lambda value: "x".join(map(str, value.words if isinstance(value, Window) else value)),
)
def test_a_convolution_of_several_blocks_agrees_with_the_oracle(dtype, window, shape, out):
    rng = np.random.default_rng(shape[1])
    x, weights = values(rng, dtype, shape), values(rng, dtype, (11, window.kh, window.kw, shape[3]), -127)
    after = layer(rng, dtype, 11, weights[0].size)
    plan = plans.conv2d(x, weights, window, out, after)
    hold(plan, [x], oracle.conv2d(x, weights, window, out, after), scale=spread(dtype, weights[0].size))


@DTYPES
@QUICK
@given(geometry=geometries(), c=st.integers(1, 37), seed=st.integers(0, 2**32 - 1))
def test_a_depthwise_convolution_agrees_with_the_oracle_in_every_way_it_can_run(dtype, geometry, c, seed):
    window, (n, h, w), out = geometry
    rng = np.random.default_rng(seed)
    x, weights = values(rng, dtype, (n, h, w, c)), values(rng, dtype, (window.kh, window.kw, c), -127)
    after = layer(rng, dtype, c, window.kh * window.kw)
    plan = plans.depthwise(x, weights, window, out, after)
    hold(plan, [x], oracle.depthwise(x, weights, window, out, after), scale=spread(dtype, weights[..., 0].size))


@DTYPES
@QUICK
@given(
    rows=st.sampled_from([(), (1,), (2,), (5,), (2, 3), (97,)]),
    k=st.integers(1, 70),
    m=st.integers(1, 70),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_dense_layer_agrees_with_the_oracle_in_every_way_it_can_run(dtype, rows, k, m, seed):
    rng = np.random.default_rng(seed)
    x, weights = values(rng, dtype, (*rows, k)), values(rng, dtype, (m, k), -127)
    after = layer(rng, dtype, m, k)
    hold(plans.dense(x, weights, after), [x], oracle.product(x, weights, after), scale=spread(dtype, k))


@pytest.mark.parametrize("rows", [1, 4])
def test_the_largest_i8_products_are_exact_and_the_accumulator_wraps(rows):
    k, m = 600, 9
    x = np.full((rows, k), -128, np.int8)
    weights = np.full((m, k), -127, np.int8)
    bias = np.array([0, 2**31 - 1, -(2**31), 1, 2, 3, 4, 5, 6], np.int32)
    after = Layer(bias, -128, 127, np.full(m, 1e-8, np.float32), 0, 5)
    hold(plans.dense(x, weights, after), [x], oracle.product(x, weights, after))


@pytest.mark.parametrize("rows", [1, 7])
def test_halves_are_rounded_to_even_before_the_centre_is_added(rows):
    x = np.tile(np.array([[1], [3], [5], [-1], [-3], [-5], [7]], np.int8), (-(-rows // 7), 1))[:rows]
    scaling = np.array([[0.5] * 3, [0, -1, 1], [1, 2, -3]], np.float32)
    after = Layer(np.zeros(3, np.int32), -128, 127, scaling, 0, 1)
    hold(plans.dense(x, np.ones((3, 1), np.int8), after), [x], oracle.product(x, np.ones((3, 1), np.int8), after))


def test_halves_are_rounded_to_even_and_large_values_saturate():
    x = np.array([[1], [3], [5], [-1], [-3], [-5], [127]], np.int8)
    weights = np.array([[1], [127]], np.int8)
    after = Layer(np.zeros(2, np.int32), -128, 127, np.array([0.5, 3e38], np.float32), 0, 0)
    expected = np.array([[0, 127], [2, 127], [2, 127], [0, -128], [-2, -128], [-2, -128], [64, 127]], np.int8)
    hold(plans.dense(x, weights, after), [x], expected)
