"""transpose, concat and copy move bytes and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from . import plans
from .flavours import hold
from .test_products import QUICK

ANY_DTYPE = st.sampled_from(["float32", "int8", "uint8", "int32"])


def counted(dtype, shape):
    return np.arange(int(np.prod(shape))).astype(dtype).reshape(shape)


@QUICK
@given(dtype=ANY_DTYPE, data=st.data(), rank=st.integers(0, 6))
def test_a_transpose_is_numpys_transpose(dtype, data, rank):
    shape = data.draw(st.tuples(*[st.integers(1, 5)] * rank))
    axes = data.draw(st.permutations(range(rank)))
    x = counted(dtype, shape)
    expected = x.transpose(axes).copy()
    plan = plans.unary(20, x, dtype, expected.shape, *axes, *[0] * (6 - rank))
    hold(plan, [x], expected)


@QUICK
@given(dtype=ANY_DTYPE, data=st.data(), rank=st.integers(1, 4))
def test_a_concatenation_is_numpys_concatenation(dtype, data, rank):
    axis = data.draw(st.integers(0, rank - 1))
    shape = data.draw(st.lists(st.integers(1, 7), min_size=rank, max_size=rank))
    lengths = data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=5))
    arrays = [counted(dtype, [*shape[:axis], n, *shape[axis + 1 :]]) for n in lengths]
    hold(plans.concat(arrays, axis), arrays, np.concatenate(arrays, axis))


@pytest.mark.parametrize("n", range(1, 40))
def test_a_copy_is_exact_for_every_small_size(n):
    x = counted("uint8", (n,))
    hold(plans.unary(22, x, "uint8", (1, n)), [x], x.reshape(1, n))
