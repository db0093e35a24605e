"""resample and bilinear: SIMD, reference and oracle agree; indices outside are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from . import plans
from .cornered import Cornered
from .flavours import hold
from .test_products import QUICK


@QUICK
@given(data=st.data(), taps=st.integers(1, 5), seed=st.integers(0, 2**32 - 1))
def test_a_resample_is_the_sum_of_its_taps(data, taps, seed):
    shape = data.draw(st.lists(st.integers(1, 7), min_size=1, max_size=4))
    axis, length = data.draw(st.integers(0, len(shape) - 1)), data.draw(st.integers(1, 9))
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, shape).astype(np.float32)
    index = rng.integers(0, shape[axis], (length, taps), np.int32)
    weight = rng.normal(0, 1, (length, taps)).astype(np.float32)
    expected = np.zeros((*shape[:axis], length, *shape[axis + 1 :]), np.float32)
    for i, t in np.ndindex(length, taps):
        part = x.take(index[i, t], axis) * weight[i, t]
        row = (slice(None),) * axis + (i,)
        expected[row] = part if t == 0 else expected[row] + part
    hold(plans.resample(x, index, weight, axis), [x], expected, scale=10.0)


@pytest.mark.parametrize("index", [-1, 3, 2**31 - 1])
def test_an_index_outside_the_input_is_refused(index):
    x = np.ones((2, 3), np.float32)
    plan = plans.resample(x, np.array([[index]], np.int32), np.ones((1, 1), np.float32), 1)
    assert Cornered(plan).status == 13


def table(rng, length, size):
    """Rows or columns between any two, any part of the way."""
    ends = rng.integers(0, length, (size, 2), np.int32)
    return np.concatenate([ends, rng.integers(0, 1025, (size, 1), np.int32)], axis=1)


@QUICK
@given(size=st.tuples(*[st.integers(1, 6)] * 4), c=st.integers(1, 19), seed=st.integers(0, 2**32 - 1))
def test_a_bilinear_is_four_pixels_weighed_exactly(size, c, seed):
    h, w, oh, ow = size
    rng = np.random.default_rng(seed)
    x = rng.integers(-128, 128, (2, h, w, c)).astype(np.int8)
    rows, columns = table(rng, h, oh), table(rng, w, ow)
    expected = np.zeros((2, oh, ow, c), np.int8)
    for i, j in np.ndindex(oh, ow):
        (above, below, p), (left, right, q) = rows[i].astype(int), columns[j].astype(int)
        corners = [((1024 - p) * (1024 - q), above, left), ((1024 - p) * q, above, right)]
        corners += [(p * (1024 - q), below, left), (p * q, below, right)]
        total = sum(weight * x[:, r, k].astype(int) for weight, r, k in corners)
        expected[:, i, j] = np.trunc((total + np.where(total > 0, 2**19, -(2**19))) / 2**20)
    hold(plans.bilinear(x, rows, columns), [x], expected)


@pytest.mark.parametrize(("place", "value"), [((0, 0), 3), ((0, 1), -1), ((1, 2), 1025), ((1, 2), -1)])
def test_a_table_that_leaves_the_image_is_refused(place, value):
    x = np.ones((1, 3, 3, 8), np.int8)
    rows = np.zeros((2, 3), np.int32)
    assert Cornered(plans.bilinear(x, rows, rows)).status == 0
    rows[place] = value
    assert Cornered(plans.bilinear(x, rows, np.zeros((2, 3), np.int32))).status == 13
