"""Einsum, OneHot and Trilu, compared with ONNX's reference evaluator and with the engine."""

import numpy as np
import pytest

from edgefn.errors import ModelError, UnsupportedError


@pytest.mark.parametrize(
    ("equation", "a", "b"),
    [
        ("ij,jk->ik", (3, 4), (4, 5)),
        ("ij,kj", (3, 4), (5, 4)),
        ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)),
        ("bqhd,bkhd->bhqk", (2, 3, 2, 4), (2, 5, 2, 4)),
        ("bhqk,bkhd->bqhd", (2, 2, 3, 5), (2, 5, 2, 4)),
        ("...ij,...jk->...ik", (2, 1, 3, 4), (5, 4, 6)),
        ("i,j->ij", (3,), (4,)),
        ("i,i->", (6,), (6,)),
        ("bi,bi->b", (3, 4), (3, 4)),
        ("bi,bj->bij", (3, 4), (3, 5)),
        ("ijk,jl->ilk", (2, 3, 4), (3, 5)),
        ("aij,bj->bi", (2, 3, 4), (5, 4)),
    ],
)
@pytest.mark.parametrize("constant", [False, True])
def test_a_product_of_two_matches_onnx(model, check, equation, a, b, constant):
    m = model()
    x = m.input("x", a)
    y = m.random(*b) if constant else m.input("y", b)
    m.output(m.node("Einsum", x, y, equation=equation))
    check(m)


@pytest.mark.parametrize("equation", ["ijk->kij", "ijk->ki", "ijk->", "ijk", "...k->k..."])
def test_one_tensor_matches_onnx(model, check, equation):
    m = model()
    m.output(m.node("Einsum", m.input("x", (2, 3, 4)), equation=equation))
    check(m)


def test_a_layer_written_as_einsum_is_a_dense_layer(model, check):
    m = model()
    m.output(m.node("Einsum", m.input("x", (2, 3, 4)), m.random(4, 5), equation="bsd,df->bsf"))
    assert check(m).ops == ["dense_f32"]


@pytest.mark.parametrize(
    ("equation", "error", "said"),
    [
        ("ii,ij->i", UnsupportedError, "a letter may stand once"),
        ("ij,jk,kl->il", ModelError, "for 2 operands"),
        ("ij,jk->iz", ModelError, "a letter of its own"),
        ("ijk,jk->i", ModelError, "of rank"),
    ],
)
def test_other_equations_are_refused(model, compiled, equation, error, said):
    m = model()
    m.output(m.node("Einsum", m.input("x", (3, 3)), m.input("y", (3, 3)), equation=equation))
    with pytest.raises(error, match=said):
        compiled(m)


@pytest.mark.parametrize("axis", [-1, 0, 1])
@pytest.mark.parametrize("values", [(0.0, 1.0), (-2.0, 5.0)])
def test_one_hot_vectors_match_onnx(model, check, axis, values):
    m = model()
    ids, depth, pair = m.input("i", (2, 3), "i64"), m.constant(np.int64(4)), m.constant(np.array(values, np.float32))
    m.output(m.node("OneHot", ids, depth, pair, axis=axis))
    check(m, inputs=[np.array([[0, 3, -1], [-4, 4, -5]])])


def test_a_dense_layer_on_one_hot_vectors_is_a_gather(model, check):
    m = model()
    pair = m.constant(np.array([0, 1], np.float32))
    x = m.node("OneHot", m.input("i", (2, 3), "i64"), m.constant(np.int64(4)), pair)
    m.output(m.node("MatMul", x, m.random(4, 5)))
    assert check(m, inputs=[np.array([[0, 3, -1], [-4, 4, -5]])]).ops[-1] == "gather"


@pytest.mark.parametrize("k", [-1, 0, 2])
@pytest.mark.parametrize("upper", [0, 1])
@pytest.mark.parametrize("dtype", ["f32", "i64"])
def test_triangles_match_onnx(model, check, k, upper, dtype):
    m = model()
    m.output(m.node("Trilu", m.input("x", (2, 4, 5), dtype), m.constant(np.int64(k)), upper=upper), dtype)
    check(m)
