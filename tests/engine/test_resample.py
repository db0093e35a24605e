"""resample: SIMD, reference and oracle agree; indices outside are refused."""

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
