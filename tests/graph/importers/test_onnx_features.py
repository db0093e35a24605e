"""ai.onnx.ml: what prepares features."""

import numpy as np
import pytest

from edgefn.errors import ModelError, UnsupportedError

ML = "ai.onnx.ml"
F = np.float32
X = F([[1, -2.5, 3], [0, 0, 0], [-4, 5, 0.25]])


@pytest.fixture
def one(model):
    """A model of one op on x."""

    def build(op: str, dtype="f32", shape=(3, 3), out=None, **attributes):
        m = model()
        m.output(m.node(op, m.input("x", shape, dtype), domain=ML, **attributes), out or dtype)
        return m

    return build


@pytest.mark.parametrize(
    ("offset", "scale", "ops"),
    [
        ([1.0, 2.0, 3.0], [0.5, 0.25, 2.0], ["binary"] * 2),
        ([0.0], [2.0], ["binary"]),
        ([1.0], [1.0], ["binary"]),
        ([0.0] * 3, [1.0] * 3, ["copy"]),
    ],
)
def test_a_scaler_subtracts_and_multiplies_where_that_does_something(one, check, offset, scale, ops):
    assert check(one("Scaler", offset=offset, scale=scale), inputs=[X]).ops == ops


def test_a_scaler_takes_integers(one, check):
    check(one("Scaler", "i64", out="f32", offset=[1.0], scale=[2.0]), inputs=[X.astype(int)])


@pytest.mark.parametrize("norm", ["MAX", "L1", "L2"])
def test_a_normalizer_divides_rows_by_their_norm(one, check, norm):
    """The reference takes the largest absolute value for MAX; ONNX's text and ONNX Runtime take the largest."""
    check(one("Normalizer", norm=norm), inputs=[np.abs(X) if norm == "MAX" else X])


def test_a_norm_that_is_not_known_is_malformed(one, compiled):
    with pytest.raises(ModelError, match="L3"):
        compiled(one("Normalizer", norm="L3"))


def test_a_binarizer_tells_what_is_above_its_threshold(one, check):
    check(one("Binarizer", threshold=0.25), inputs=[X])


def test_an_imputer_replaces_nan_column_by_column(one, check):
    x = X.copy()
    x[0, 1] = x[2, 2] = np.nan
    made = one("Imputer", imputed_value_floats=[7.0, 8.0, 9.0], replaced_value_float=float("nan"))
    assert check(made, inputs=[x]).outputs[0][[0, 2], [1, 2]].tolist() == [8, 9]


def test_an_imputer_replaces_a_number(one, check):
    check(one("Imputer", imputed_value_floats=[7.0], replaced_value_float=0.0), inputs=[X])
    check(one("Imputer", "i64", imputed_value_int64s=[7], replaced_value_int64=5), inputs=[X.astype(int)])


def test_a_one_hot_encoder_tells_categories_apart_and_lets_others_be(one, check):
    x = np.array([[3, 9], [-1, 3]])
    check(one("OneHotEncoder", "i64", (2, 2), "f32", cats_int64s=[-1, 3, 4], zeros=1), inputs=[x])


def test_features_without_columns_are_malformed(one, compiled):
    for attributes in ({"offset": [1.0]}, {"scale": [2.0, 3.0]}):
        with pytest.raises(ModelError, match=r"for an input of shape \(\)"):
            compiled(one("Scaler", shape=(), **attributes))


def test_an_attribute_that_is_not_there_is_named(one, compiled):
    with pytest.raises(ModelError, match="it has no cats"):
        compiled(one("OneHotEncoder", "i64", zeros=1))


def test_categories_that_are_strings_are_refused(one, compiled):
    with pytest.raises(UnsupportedError, match="strings; encode them outside"):
        compiled(one("OneHotEncoder", "i64", cats_strings=["a", "b"]))


def test_features_are_extracted_by_their_places(model, check):
    m = model()
    x = m.input("x", (3, 3))
    m.output(m.node("ArrayFeatureExtractor", x, m.constant(np.array([2, 0, 2, 1])), domain=ML))
    check(m, inputs=[X])


@pytest.mark.parametrize("place", [-1, 3])
def test_features_that_are_not_there_are_malformed(model, compiled, place):
    m = model()
    m.output(m.node("ArrayFeatureExtractor", m.input("x", (3, 3)), m.constant(np.array([place])), domain=ML))
    with pytest.raises(ModelError, match=f"indices from {place} to {place} of 3 features"):
        compiled(m)


def test_classes_are_extracted_by_indices_of_the_run(model, check):
    m = model()
    places = m.input("places", (4,), "i64")
    m.output(m.node("ArrayFeatureExtractor", m.constant(np.array([5, 9, 7])), places, domain=ML), "i64")
    assert check(m, inputs=[np.array([2, 0, 1, 1])]).outputs[0].tolist() == [[7, 5, 9, 9]]


def test_classes_that_count_up_are_their_own_places(model, check):
    m = model()
    places = m.input("places", (2,), "i64")
    m.output(m.node("ArrayFeatureExtractor", m.constant(np.arange(3)), places, domain=ML), "i64")
    assert "gather" not in check(m, inputs=[np.array([2, 1])]).ops


def test_features_are_put_side_by_side(model, check):
    m = model()
    a, b = m.input("a", (2, 3)), m.input("b", (2, 1), "f32")
    m.output(m.node("FeatureVectorizer", a, b, domain=ML, inputdimensions=[3, 1]))
    check(m, inputs=[X[:2], X[:2, :1]])


def test_features_that_are_cut_are_refused(model, compiled):
    m = model()
    m.output(m.node("FeatureVectorizer", m.input("a", (2, 3)), domain=ML, inputdimensions=[2]))
    with pytest.raises(UnsupportedError, match=r"\(2,\) of inputs with \(3,\) columns"):
        compiled(m)


def test_more_features_than_one_concat_takes_are_put_side_by_side(model, check):
    m = model()
    parts = [m.input(f"x{i}", (2, 1)) for i in range(63)]
    m.output(m.node("FeatureVectorizer", *parts, *parts[:3], domain=ML, inputdimensions=[1] * 66))
    assert check(m).ops.count("concat") == 3


def test_more_parts_than_one_concat_takes_are_concatenated(model, check):
    m = model()
    x = m.input("x", (2, 5))
    m.output(m.node("Concat", *[m.node("Mul", x, m.random(1, 5)) for _ in range(70)], axis=1))
    check(m)
