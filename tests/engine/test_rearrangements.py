"""What moves bytes and does nothing else: transpose, concat, copy, strided, pad and gather."""

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


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 16, 17, 37])
@pytest.mark.parametrize("columns", [1, 2, 3, 4, 5, 7, 16, 33])
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_a_matrix_of_any_size_is_turned(dtype, rows, columns):
    """In blocks of sixteen rows and groups of four columns, with what is left over in every place."""
    x = counted(dtype, (2, columns, rows))
    expected = x.transpose(0, 2, 1).copy()
    hold(plans.unary(20, x, dtype, expected.shape, 0, 2, 1, 0, 0, 0), [x], expected)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 8, 16, 17])
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_rows_of_any_size_are_exchanged(dtype, size):
    x = counted(dtype, (3, 5, 2, size))
    expected = x.transpose(0, 2, 1, 3).copy()
    hold(plans.unary(20, x, dtype, expected.shape, 0, 2, 1, 3, 0, 0), [x], expected)


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


@QUICK
@given(dtype=ANY_DTYPE, data=st.data())
def test_a_strided_op_reads_what_numpy_reads_by_strides(dtype, data):
    dims = data.draw(st.lists(st.integers(1, 5), min_size=6, max_size=6))
    strides = data.draw(st.lists(st.sampled_from([0, 0, 1, 1, -1, 2, 5, 16, -7]), min_size=6, max_size=6))
    reaches = [(d - 1) * s for d, s in zip(dims, strides, strict=True)]
    offset = -sum(r for r in reaches if r < 0) + data.draw(st.integers(0, 3))
    x = counted(dtype, (offset + sum(r for r in reaches if r > 0) + 1,))
    places = offset + sum(i * s for i, s in zip(np.indices(dims), strides, strict=True))
    plan = plans.unary(34, x, dtype, (int(np.prod(dims)),), offset, *dims, *strides)
    hold(plan, [x], x[places].reshape(-1))


@QUICK
@given(dtype=ANY_DTYPE, data=st.data(), rank=st.integers(0, 6))
def test_a_pad_is_numpys_pad(dtype, data, rank):
    shape = data.draw(st.tuples(*[st.integers(1, 4)] * rank))
    widths = data.draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=rank, max_size=rank))
    x = counted(dtype, shape)
    value = np.array(77).astype(dtype)
    expected = np.pad(x, widths, constant_values=value) if rank else x
    begins = [*(begin for begin, _ in widths), *[0] * (6 - rank)]
    bits = int.from_bytes(value.tobytes(), "little")
    hold(plans.unary(35, x, dtype, expected.shape, *begins, bits), [x], expected)


@QUICK
@given(dtype=ANY_DTYPE, data=st.data(), constant=st.booleans())
def test_a_gather_is_numpys_take_with_indices_held_inside(dtype, data, constant):
    shape = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    axis = data.draw(st.integers(0, len(shape) - 1))
    count = data.draw(st.lists(st.integers(1, 4), min_size=0, max_size=2))
    far = st.sampled_from([-(2**31), 2**31 - 1])
    size = int(np.prod(count, dtype=int))
    chosen = data.draw(st.lists(st.integers(-9, 9) | far, min_size=size, max_size=size))
    indices = np.array(chosen, np.int32).reshape(count)
    x, n = counted(dtype, shape), shape[axis]
    rows = [min(max(i + n if i < 0 else i, 0), n - 1) for i in chosen]
    expected = np.take(x, np.array(rows, int).reshape(count), axis)
    plan = plans.gather(x, indices, axis, expected.shape, constant=constant)
    hold(plan, [x] if constant else [x, indices], expected)
