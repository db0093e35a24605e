"""ai.onnx.ml: support vector machines."""

from itertools import combinations

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

from edgefn.errors import ModelError, UnsupportedError

ML = "ai.onnx.ml"
F = np.float32
RNG = np.random.default_rng(2)
X = RNG.normal(size=(9, 3)).astype(F)
PARAMS = [0.4, 0.25, 3.0]


def machine(vectors: int, columns: int = 1) -> dict:
    return {
        "support_vectors": RNG.normal(size=vectors * 3).astype(F).tolist(),
        "coefficients": RNG.normal(size=columns * vectors).astype(F).tolist(),
        "kernel_params": PARAMS,
    }


@pytest.fixture
def regressor(model):
    def build(**attributes):
        m = model()
        m.output(m.node("SVMRegressor", m.input("x", X.shape), domain=ML, **attributes))
        return m

    return build


@pytest.fixture
def classifier(model):
    def build(labels, supports, **attributes):
        m, classes = model(), len(labels)
        known = machine(sum(supports), classes - 1) | {"kernel_type": "RBF", "vectors_per_class": supports} | attributes
        known["rho"] = RNG.normal(size=classes * (classes - 1) // 2).astype(F).tolist()
        m.node("SVMClassifier", m.input("x", X.shape), domain=ML, outputs=2, classlabels_ints=labels, **known)
        for name, dtype in zip(m.nodes[-1].output, ("i64", "f32"), strict=True):
            m.output(name, dtype)
        return m

    return build


@pytest.mark.parametrize("kernel", ["LINEAR", "POLY", "RBF", "SIGMOID"])
def test_a_regressor_of_every_kernel(regressor, check, kernel):
    check(regressor(kernel_type=kernel, n_supports=7, rho=[0.5], **machine(7)), inputs=[X])


def test_a_linear_machine_needs_no_kernels(regressor, check):
    made = check(regressor(kernel_type="LINEAR", n_supports=7, rho=[0.5], **machine(7)), inputs=[X])
    assert made.ops == ["dense_f32"]


def test_a_machine_without_vectors_has_weights_of_features(regressor, check):
    check(regressor(kernel_type="LINEAR", n_supports=0, rho=[0.5], coefficients=[1.0, -2.0, 0.5]), inputs=[X])


def test_terms_that_nearly_cancel_are_added_up_exactly(regressor, compiled, engine_outputs):
    """A thousand vectors, half of them for and half against: in f32 one after the other, errors would add up."""
    known = machine(1000) | {"coefficients": np.repeat([1.0, -1.0], 500).tolist()}
    supports = np.array(known["support_vectors"]).reshape(-1, 3)
    distances = ((X[:, None].astype(float) - supports) ** 2).sum(-1)
    wanted = np.exp(-float(F(PARAMS[0])) * distances) @ known["coefficients"]
    for (found,) in engine_outputs(
        compiled(regressor(kernel_type="RBF", n_supports=1000, rho=[0.0], **known)).plan, [X]
    ):
        assert np.abs(found[:, 0] - wanted).max() < 3e-6


def test_so_many_terms_that_they_would_fill_the_memory_are_a_dense_layer(regressor, compiled):
    made = compiled(regressor(kernel_type="RBF", n_supports=70_000, rho=[0.0], **machine(70_000)))
    assert [op.op for op in made.summary.ops][-1] == "dense_f32"


def test_a_machine_of_one_class_tells_inside_from_outside(regressor, check):
    made = check(regressor(kernel_type="RBF", n_supports=7, rho=[0.0], one_class=1, **machine(7)), inputs=[X])
    assert set(made.outputs[0].ravel().tolist()) == {-1.0, 1.0}


@pytest.mark.parametrize("kernel", ["LINEAR", "POLY", "RBF", "SIGMOID"])
def test_a_classifier_of_three_classes_lets_pairs_vote(classifier, check, kernel):
    check(classifier([4, 5, 9], [3, 2, 4], kernel_type=kernel), inputs=[X])


def test_a_classifier_of_two_classes_gives_the_score_with_both_signs(classifier, check):
    check(classifier([0, 1], [3, 4]), inputs=[X])


def coupled(r: np.ndarray) -> np.ndarray:
    """What coupling approaches: the p of sum 1 with the least sum of `(r[j, i] p[i] - r[i, j] p[j])^2`."""
    n = len(r)
    q = -r.T * r
    np.fill_diagonal(q, (r * r).sum(axis=0))
    system = np.block([[q, np.ones((n, 1))], [np.ones((1, n)), np.zeros((1, 1))]])
    return np.linalg.solve(system, np.eye(n + 1)[n])[:n]


@pytest.mark.parametrize("labels", [[0, 1], [0, 1, 2], [3, 1, 4, 2, 9]])
def test_probabilities_are_those_of_pairs_coupled(classifier, compiled, engine_outputs, labels):
    """The reference evaluator of onnx couples more than two classes by another matrix."""
    pairs = list(combinations(range(len(labels)), 2))
    slope, offset = RNG.normal(-2, 0.5, len(pairs)).astype(F), RNG.normal(0, 0.1, len(pairs)).astype(F)
    m = classifier(labels, [3] * len(labels), prob_a=slope.tolist(), prob_b=offset.tolist())
    bare = [a for a in m.nodes[0].attribute if not a.name.startswith("prob_")]
    plain = m.proto()
    del plain.graph.node[0].attribute[:]
    plain.graph.node[0].attribute.extend(bare)
    scores = ReferenceEvaluator(plain).run(None, {"x": X})[1][:, -len(pairs) :]
    chances = 1 / (1 + np.exp(scores.astype(float) * slope + offset))
    for _, found in engine_outputs(compiled(m).plan, [X]):
        for row, chance in zip(found, chances, strict=True):
            r = np.zeros((len(labels), len(labels)))
            for (i, j), c in zip(pairs, chance, strict=True):
                r[i, j], r[j, i] = c, 1 - c
            np.testing.assert_allclose(row, coupled(r), atol=5e-3)


def test_a_classifier_without_support_vectors_is_refused(classifier, compiled):
    with pytest.raises(UnsupportedError, match="each class needs its own"):
        compiled(classifier([0, 1], [0, 0], coefficients=[1.0] * 6, support_vectors=[1.0]))


def test_a_kernel_that_is_not_known_is_malformed(regressor, compiled):
    with pytest.raises(ModelError, match="COSINE"):
        compiled(regressor(kernel_type="COSINE", n_supports=7, rho=[0.5], **machine(7)))


def test_more_classes_than_pairs_can_be_had_of_are_refused(classifier, compiled):
    with pytest.raises(UnsupportedError, match="257 classes; up to 256"):
        compiled(classifier(list(range(257)), [1] + [0] * 256))


@pytest.mark.parametrize(
    "changes",
    [{"rho": [1.0, 2.0]}, {"n_supports": 6}, {"support_vectors": [1.0]}, {"kernel_params": [1.0, float("nan"), 2.0]}],
)
def test_attributes_that_do_not_fit_together_are_malformed(regressor, compiled, changes):
    with pytest.raises(ModelError) as caught:
        compiled(regressor(**({"kernel_type": "RBF", "n_supports": 7, "rho": [0.5]} | machine(7) | changes)))
    assert caught.value.code == "EFN-M006"
