"""ai.onnx.ml: linear models, and what becomes of scores."""

import numpy as np
import pytest

from edgefn.errors import ModelError, UnsupportedError

ML = "ai.onnx.ml"
F = np.float32
RNG = np.random.default_rng(5)
X = RNG.normal(size=(6, 4)).astype(F)
W = RNG.normal(size=(3, 4)).astype(F)
B = RNG.normal(size=3).astype(F)


@pytest.fixture
def regressor(model):
    def build(targets: int, **attributes):
        m = model()
        weights = {"coefficients": W[:targets].ravel().tolist(), "intercepts": B[:targets].tolist()}
        m.output(m.node("LinearRegressor", m.input("x", X.shape), domain=ML, targets=targets, **weights, **attributes))
        return m

    return build


@pytest.fixture
def classifier(model):
    def build(rows: int, **attributes):
        m = model()
        weights = {"coefficients": W[:rows].ravel().tolist(), "intercepts": B[:rows].tolist()}
        m.node("LinearClassifier", m.input("x", X.shape), domain=ML, outputs=2, **weights, **attributes)
        for name, dtype in zip(m.nodes[-1].output, ("i64", "f32"), strict=True):
            m.output(name, dtype)
        return m

    return build


@pytest.mark.parametrize("targets", [1, 3])
def test_a_linear_regressor_sums_features(regressor, check, targets):
    check(regressor(targets), inputs=[X])


@pytest.mark.parametrize("post_transform", ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"])
@pytest.mark.parametrize("labels", [[0, 1, 2], [10, 20, -30]])
def test_a_linear_classifier_gives_the_best_class_and_all_scores(classifier, check, labels, post_transform):
    check(classifier(3, classlabels_ints=labels, post_transform=post_transform), inputs=[X])


@pytest.mark.parametrize("post_transform", ["NONE", "LOGISTIC"])
def test_one_row_of_coefficients_tells_two_classes_apart(classifier, compiled, engine_outputs, post_transform):
    """With NONE the scores add up to 1, as in ONNX Runtime."""
    score = X.astype(float) @ W[0] + B[0]
    logistic = 1 / (1 + np.exp(-score))
    wanted = np.stack([1 - score, score] if post_transform == "NONE" else [1 - logistic, logistic], axis=1)
    m = classifier(1, classlabels_ints=[3, 4], post_transform=post_transform)
    for label, scores in engine_outputs(compiled(m).plan, [X]):
        np.testing.assert_array_equal(label, np.where(score > 0, 4, 3))
        np.testing.assert_allclose(scores, wanted, rtol=1e-5, atol=1e-6)


def test_zeros_stay_zero_in_softmax_zero(model, compiled, engine_outputs):
    m, weights = model(), np.vstack([np.zeros(4), W[1:]])
    known = {"targets": 3, "coefficients": weights.ravel().tolist(), "post_transform": "SOFTMAX_ZERO"}
    m.output(m.node("LinearRegressor", m.input("x", X.shape), domain=ML, **known))
    e = np.exp(X.astype(float) @ weights.T)
    e[:, 0] = 0
    for (found,) in engine_outputs(compiled(m).plan, [X]):
        np.testing.assert_allclose(found, e / e.sum(axis=1, keepdims=True), rtol=1e-5)


def test_probit_is_the_quantile_of_the_normal_distribution(model, compiled, engine_outputs):
    m = model()
    m.output(m.node("LinearRegressor", m.input("x", (5, 1)), domain=ML, coefficients=[1.0], post_transform="PROBIT"))
    for (y,) in engine_outputs(compiled(m).plan, [F([[0.01], [0.2], [0.5], [0.84134], [0.999]])]):
        np.testing.assert_allclose(y[:, 0], [-2.3263, -0.8416, 0, 1, 3.0902], atol=6e-3)


@pytest.mark.parametrize("post_transform", ["LOGISTIC", "SOFTMAX"])
def test_one_score_that_runtimes_read_differently_is_refused(regressor, compiled, post_transform):
    with pytest.raises(UnsupportedError, match=f"one score with post_transform {post_transform}"):
        compiled(regressor(1, post_transform=post_transform))


@pytest.mark.parametrize(
    ("attributes", "error"),
    [
        ({"classlabels_ints": [0, 1, 2, 3]}, ModelError),
        ({"classlabels_ints": [0]}, UnsupportedError),
        ({"classlabels_ints": [0, 1, 2], "post_transform": "EXP"}, ModelError),
    ],
)
def test_classes_that_do_not_fit_are_refused(classifier, compiled, attributes, error):
    with pytest.raises(error):
        compiled(classifier(3, **attributes))


def test_coefficients_are_parameters(regressor, compiled):
    assert compiled(regressor(3)).summary.params == W.size + B.size
