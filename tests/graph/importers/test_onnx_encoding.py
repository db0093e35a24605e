"""ai.onnx.ml: LabelEncoder."""

import numpy as np
import pytest
from onnx import numpy_helper

from edgefn.errors import ModelError, UnsupportedError

ML = "ai.onnx.ml"
F = np.float32


@pytest.fixture
def encoder(model):
    def build(dtype: str, out: str, shape=(2, 3), ml: int = 3, **attributes):
        m = model(ml=ml)
        m.output(m.node("LabelEncoder", m.input("x", shape, dtype), domain=ML, **attributes), out)
        return m

    return build


INTEGERS = np.array([[3, 4, -7], [5, 100, 2**31 - 1]])


@pytest.mark.parametrize("keys", [[3, 4, 5], [5, -7, 3], [100, 3, -100_000]])
def test_integers_are_looked_up(encoder, check, keys):
    check(encoder("i64", "f32", keys_int64s=keys, values_floats=[0.5, 1.5, 2.5], default_float=-9.0), inputs=[INTEGERS])
    check(encoder("i64", "i64", keys_int64s=keys, values_int64s=[7, 8, 9]), inputs=[INTEGERS])


def test_floats_are_compared(encoder, check):
    x = F([[0.5, -0.0, 3], [1e-3, 2, np.nan]])
    keys = [float(F(1e-3)), 3.0, 0.0]
    check(encoder("f32", "i64", keys_floats=keys, values_int64s=[7, 8, 9], default_int64=4), inputs=[x])


def test_keys_and_values_may_be_tensors(encoder, compiled, engine_outputs):
    tensors = {"keys_tensor": np.array([3, 4]), "values_tensor": F([1, 2]), "default_tensor": F([-1])}
    m = encoder("i64", "f32", ml=4, **{name: numpy_helper.from_array(v) for name, v in tensors.items()})
    for (y,) in engine_outputs(compiled(m).plan, [INTEGERS.astype(np.int32)]):
        assert y.tolist() == [[1, 2, -1], [-1, -1, -1]]


def test_values_that_are_strings_become_labels(encoder, compiled, engine_outputs):
    m = encoder("i64", "string", keys_int64s=[3, 4, 5], values_strings=["low", "high", "low"], default_string="none")
    made = compiled(m)
    (port,) = made.summary.outputs
    assert port.labels == ("none", "low", "high")
    for (y,) in engine_outputs(made.plan, [INTEGERS.astype(np.int32)]):
        assert [[port.labels[i] for i in row] for row in y] == [["low", "high", "none"], ["low", "none", "none"]]


def test_labels_are_encoded_again(model, compiled, engine_outputs):
    """Places to strings, and these to numbers."""
    m = model(ml=2)
    names = m.node(
        "LabelEncoder", m.input("x", (4,), "i64"), domain=ML, keys_int64s=[0, 1, 2], values_strings=["a", "b", "c"]
    )
    y = m.node("LabelEncoder", names, domain=ML, keys_strings=["c", "a"], values_floats=[3.5, 1.5], default_float=9.0)
    m.output(y)
    for (found,) in engine_outputs(compiled(m).plan, [np.array([0, 1, 2, 7], np.int32)]):
        assert found.tolist() == [1.5, 9, 3.5, 9]


def test_keys_that_32_bits_do_not_hold_are_refused(encoder, compiled):
    with pytest.raises(UnsupportedError, match="computed in 32 bits"):
        compiled(encoder("i64", "i64", keys_int64s=[2**40, 5], values_int64s=[1, 2]))


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"keys_int64s": [1, 2], "values_int64s": [3]}, "2 keys for 1 values"),
        ({"keys_int64s": [1]}, "1 keys for 0 values"),
        ({"keys_strings": ["a"], "values_int64s": [3]}, "keys such as 'a' for an input of i32"),
        ({"keys_floats": [0.5], "values_int64s": [3]}, "keys such as 0.5 for an input of i32"),
    ],
)
def test_tables_that_do_not_fit_are_malformed(encoder, compiled, attributes, said):
    with pytest.raises(ModelError, match=said):
        compiled(encoder("i64", "i64", **attributes))
