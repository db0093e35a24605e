from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefn import Tensor


def test_bytes_are_viewed_not_copied():
    data = bytearray(8)
    tensor = Tensor("float32", (2,), data)
    data[:4] = array("f", [2.5]).tobytes()
    assert tensor.tolist() == [2.5, 0.0]


def test_numbers_are_stored_in_row_major_order():
    tensor = Tensor("int32", (2, 3), [1, 2, 3, 4, 5, 6])
    assert tensor[1, 0] == 4
    assert tensor[-1, -1] == 6
    assert tensor[1].tolist() == [4, 5, 6]
    assert [row.tolist() for row in tensor] == [[1, 2, 3], [4, 5, 6]]


def test_argmax_is_the_first_largest_element():
    assert Tensor("int8", (4,), [1, 7, 7, -3]).argmax() == 1


def test_reshape_keeps_the_elements():
    assert Tensor("uint8", (4,), bytes(range(4))).reshape(2, 2)[1, 1] == 3


@pytest.mark.parametrize(
    ("dtype", "shape", "data", "said"),
    [
        ("float64", (1,), [1.0], "unknown dtype 'float64'"),
        ("float32", (2,), b"\0\0\0\0", "needs 2 elements"),
        ("float32", (1,), b"\0\0\0", "not a whole number"),
        ("int8", (1,), [400], "cannot be stored"),
        ("float32", (1,), ["a"], "cannot be stored"),
    ],
)
def test_data_that_does_not_fit_is_refused(dtype, shape, data, said):
    with pytest.raises(ValueError, match=said):
        Tensor(dtype, shape, data)


@pytest.mark.parametrize("index", [2, (0, 3), (0, 0, 0), -3])
def test_an_index_outside_the_shape_is_refused(index):
    with pytest.raises(IndexError):
        Tensor("int8", (2, 3), bytes(6))[index]


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=40))
def test_float_data_survives_the_round_trip_through_bytes(values):
    tensor = Tensor("float32", (len(values),), values)
    assert Tensor("float32", (len(values),), tensor.tobytes()).tolist() == values
    assert tensor.argmax() == values.index(max(values))
