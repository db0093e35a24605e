"""Products of two matrices that are computed at run time, and what is read and written without being moved."""

import numpy as np
import pytest

from edgefn.errors import ModelError, UnsupportedError


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((3, 5), (5, 4)),
        ((2, 3, 5), (2, 5, 4)),
        ((2, 3, 5), (5, 4)),
        ((3, 5), (2, 5, 4)),
        ((2, 1, 3, 5), (4, 5, 1)),
        ((5,), (2, 5, 4)),
        ((2, 3, 5), (5,)),
        ((5,), (5,)),
        ((2, 1, 2, 1, 3, 5), (3, 1, 2, 5, 9)),
    ],
)
@pytest.mark.parametrize("constant", ["", "a", "b"])
def test_matmul_of_what_broadcasts_matches_onnx(model, check, a, b, constant):
    m = model()
    left = m.random(*a) if constant == "a" else m.input("a", a)
    right = m.random(*b) if constant == "b" else m.input("b", b)
    m.output(m.node("MatMul", left, right))
    check(m)


@pytest.mark.parametrize(("trans_a", "trans_b"), [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("c", [(), (4,), (1, 4), (3, 4)])
def test_gemm_in_every_orientation_matches_onnx(model, check, trans_a, trans_b, constant, c):
    m = model()
    a = m.input("a", (5, 3) if trans_a else (3, 5))
    shape = (4, 5) if trans_b else (5, 4)
    b = m.random(*shape) if constant else m.input("b", shape)
    addend = (m.input("c", c),) if c else ()
    m.output(m.node("Gemm", a, b, *addend, transA=trans_a, transB=trans_b, alpha=0.5))
    check(m)


def test_a_fused_matmul_scales_and_transposes(model, compiled, engine_outputs):
    m = model()
    a, b = m.input("a", (2, 5, 3)), m.input("b", (2, 4, 5))
    m.output(m.node("FusedMatMul", a, b, transA=1, transB=1, alpha=0.25, domain="com.microsoft"))
    rng = np.random.default_rng(1)
    values = [rng.standard_normal(shape).astype(np.float32) for shape in ((2, 5, 3), (2, 4, 5))]
    wanted = 0.25 * values[0].transpose(0, 2, 1) @ values[1].transpose(0, 2, 1)
    for (found,) in engine_outputs(compiled(m).plan, values):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("transposed", [{}, {"transB": 1}])
def test_a_fused_matmul_reads_rows_that_lie_in_front_of_the_batch(model, compiled, engine_outputs, transposed):
    m = model()
    a, b = m.input("a", (5, 2, 3)), m.input("b", (4, 2, 3) if transposed else (3, 2, 4))
    m.output(m.node("FusedMatMul", a, b, transBatchA=1, transBatchB=1, **transposed, domain="com.microsoft"))
    rng = np.random.default_rng(1)
    values = [rng.standard_normal(shape).astype(np.float32) for shape in ((5, 2, 3), (4, 2, 3))]
    wanted = np.einsum("mbk,nbk->bmn", *values)
    fed = [values[0], values[1] if transposed else values[1].transpose(2, 1, 0)]
    for (found,) in engine_outputs(compiled(m).plan, fed):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_attention_heads_are_read_and_written_where_they_lie(model, check):
    m = model()
    heads = m.constant(np.array([0, 0, 4, 6]))
    q, k, v = (m.node("Reshape", m.input(name, (2, 7, 24)), heads) for name in "qkv")
    scores = m.node("MatMul", m.node("Transpose", q, perm=[0, 2, 1, 3]), m.node("Transpose", k, perm=[0, 2, 3, 1]))
    mixed = m.node("MatMul", m.node("Softmax", scores), m.node("Transpose", v, perm=[0, 2, 1, 3]))
    joined = m.node("Transpose", mixed, perm=[0, 2, 1, 3])
    m.output(m.node("Reshape", joined, m.constant(np.array([2, 7, 24]))))
    assert check(m).ops == ["matmul_f32", "softmax_f32", "matmul_f32"]


@pytest.mark.parametrize("perm", [(1, 0, 2), (2, 1, 0), (1, 2, 0), (0, 2, 1)])
@pytest.mark.parametrize("shape", [(12, 6), (4, 18), (3, 24)])
def test_a_product_of_what_was_transposed_and_named_again_matches_onnx(model, check, perm, shape):
    """Where the new rows and columns cut through the old dimensions, the transpose stays."""
    m = model()
    x = m.node("Transpose", m.input("x", (4, 6, 3)), perm=perm)
    matrix = m.node("Reshape", x, m.constant(np.array(shape)))
    y = m.node("MatMul", matrix, m.input("b", (shape[1], 8)))
    back = m.node("Reshape", y, m.constant(np.array([shape[0], 2, 4])))
    m.output(m.node("Transpose", back, perm=[1, 0, 2]))
    check(m)


@pytest.mark.parametrize(("a", "b"), [((3, 5), (4, 4)), ((2, 3, 5), (3, 5, 4))])
def test_matrices_that_do_not_fit_are_malformed(model, compiled, a, b):
    m = model()
    m.output(m.node("MatMul", m.input("a", a), m.input("b", b)))
    with pytest.raises(ModelError) as error:
        compiled(m)
    assert error.value.code == "EFN-M006"


def test_a_negative_factor_between_activations_is_refused(model, compiled):
    m = model()
    m.output(m.node("Gemm", m.input("a", (3, 5)), m.input("b", (5, 4)), alpha=-1.0))
    with pytest.raises(UnsupportedError, match="alpha -1"):
        compiled(m)


def test_heads_are_read_from_the_layer_that_computes_all_three(model, check):
    m = model()
    x = m.node("MatMul", m.input("x", (1, 5, 12)), m.random(12, 36))
    m.node("Split", x, outputs=3, axis=2, num_outputs=3)
    heads = m.constant(np.array([0, 0, 3, 4]))
    q, k, v = (m.node("Reshape", part, heads) for part in m.nodes[-1].output)
    scores = m.node("MatMul", m.node("Transpose", q, perm=[0, 2, 1, 3]), m.node("Transpose", k, perm=[0, 2, 3, 1]))
    m.output(m.node("MatMul", m.node("Softmax", scores), m.node("Transpose", v, perm=[0, 2, 1, 3])))
    assert check(m).ops == ["dense_f32", "matmul_f32", "softmax_f32", "matmul_f32"]


@pytest.mark.parametrize(("op", "value"), [("Mul", 0.25), ("Div", 8.0)])
@pytest.mark.parametrize("where", ["a", "b", "y"])
def test_a_factor_becomes_the_scale_of_the_product(model, check, op, value, where):
    m = model()
    factor = m.constant(np.float32(value))
    sides = {name: m.input(name, shape) for name, shape in (("a", (2, 3, 5)), ("b", (2, 5, 4)))}
    if where in sides:
        sides[where] = m.node(op, sides[where], factor)
    y = m.node("MatMul", *sides.values())
    m.output(m.node(op, y, factor) if where == "y" else y)
    result = check(m)
    assert result.ops == ["matmul_f32"]
    assert result.plan.ops[0]["scale"] == (0.25 if op == "Mul" else 0.125)


def test_a_negative_factor_stays_what_it_is(model, check):
    m = model()
    y = m.node("MatMul", m.input("a", (3, 5)), m.input("b", (5, 4)))
    m.output(m.node("Mul", y, m.constant(np.float32(-0.5))))
    assert check(m).ops == ["matmul_f32", "binary"]
