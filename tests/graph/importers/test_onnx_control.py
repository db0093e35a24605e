"""If: the branch that is known to be taken, or a choice between both; and the forms that are refused."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgefn.errors import ModelError, UnsupportedError
from edgefn.graph.compiler import inspect_model, read_model

F = np.float32
X = np.arange(1, 5, dtype=F)


def branch(nodes, *outputs, constants=()):
    """A graph of ops as (op, inputs, output); what it reads may lie around it."""
    made = [helper.make_node(op, inputs, [y]) for op, inputs, y in nodes]
    ports = [helper.make_tensor_value_info(y, TensorProto.FLOAT, None) for y in outputs]
    return helper.make_graph(made, "branch", [], ports, [numpy_helper.from_array(v, n) for n, v in constants])


def choice(m, cond, yes, no, outputs=1):
    """Outputs of an If."""
    first = m.node("If", cond, outputs=outputs, then_branch=yes, else_branch=no)
    return [first[:-1] + str(i) for i in range(outputs)]


@pytest.fixture
def agree(check):
    """Holds a model to the reference on the input x, with its condition true and false."""

    def run(m):
        return [check(m, inputs=[np.array(p), X]) for p in (True, False)]

    return run


@pytest.fixture
def m(model):
    m = model()
    m.input("p", (), "bool")
    m.input("x", (4,))
    return m


def test_both_branches_read_what_is_around_them(m, agree):
    m.node("Add", "x", "x")
    yes = branch([("Exp", ["t0_0"], "e"), ("Add", ["e", "x"], "y")], "y")
    no = branch([("Mul", ["t0_0", "k"], "y")], "y", constants=[("k", np.full(4, 3, F))])
    m.output(choice(m, "p", yes, no)[0])
    agree(m)


def test_a_branch_may_give_what_it_does_not_compute(m, agree):
    doubled = m.node("Add", "x", "x")
    for y in choice(m, "p", branch([], "x", doubled), branch([], doubled, doubled), outputs=2):
        m.output(y)
    agree(m)


def test_constants_can_be_chosen_from(m, agree):
    sides = [branch([], "c", constants=[("c", np.full(4, v, F))]) for v in (1, 2)]
    m.output(m.node("Add", choice(m, "p", *sides)[0], "x"))
    agree(m)


def test_integers_of_64_bits_are_chosen_in_32(m, agree):
    sides = [branch([], "c", constants=[("c", np.full(4, v, np.int64))]) for v in (1, 2)]
    m.output(choice(m, "p", *sides)[0], "i64")
    m.output(m.node("Relu", "x"))
    agree(m)


def test_choices_within_branches(m, agree):
    m.nodes.append(helper.make_node("Not", ["p"], ["q"]))
    inner = branch([("Exp", ["x"], "y")], "y"), branch([("Neg", ["x"], "y")], "y")
    nested = helper.make_node("If", ["q"], ["z"], then_branch=inner[0], else_branch=inner[1])
    yes = branch([("Sqrt", ["x"], "y")], "z")
    yes.node.append(nested)
    m.output(choice(m, "p", yes, branch([("Relu", ["x"], "z")], "z"))[0])
    agree(m)


def test_one_branch_only_is_run(model, check):
    m = model()
    m.input("p", (1,), "bool")
    m.input("x", (2, 64))
    sides = [branch([("MatMul", ["x", w], "h"), ("Relu", ["h"], "y")], "y") for w in (m.random(64, 64) for _ in "ab")]
    m.output(choice(m, "p", *sides)[0])
    x = np.ones((2, 64), F)
    for p in ([True], [False]):
        assert check(m, inputs=[np.array(p), x]).ops == ["skip", "dense_f32", "skip", "dense_f32", "select"]


@pytest.mark.parametrize("value", [True, False])
def test_a_known_condition_leaves_one_branch(model, check, value):
    m = model()
    m.input("x", (4,))
    sides = branch([("Exp", ["x"], "y")], "y"), branch([("Sqrt", ["x"], "y")], "y")
    m.output(choice(m, m.constant(np.array([value])), *sides)[0])
    assert check(m, inputs=[X]).ops == ["unary_f32"]


def test_a_branch_that_is_never_taken_may_have_another_shape(model, check):
    m = model()
    m.input("x", (2, 3))
    known = m.node("Equal", m.node("Size", m.node("Shape", "x")), m.constant(np.array(2)))
    sides = branch([("Exp", ["x"], "y")], "y"), branch([("Shape", ["x"], "y")], "y")
    m.output(choice(m, known, *sides)[0])
    assert check(m).ops == ["unary_f32"]


def lacking(m, yes="y", no="y", **more):
    sides = {"then_branch": branch([("Exp", ["x"], "y")], yes), "else_branch": branch([("Neg", ["x"], "y")], no)}
    m.output(m.node("If", "p", **{k: v for k, v in (sides | more).items() if v is not None}))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"else_branch": None}, "two branches"),
        ({"else_branch": branch([], "x", "x")}, "two branches of as many outputs"),
        ({"yes": "z"}, "nothing computes 'z'"),
        ({"else_branch": branch([("Neg", ["n"], "y")], "y")}, "reads 'n', which nothing before it computes"),
    ],
)
def test_what_does_not_fit_is_malformed(m, compiled, changes, said):
    lacking(m, **changes)
    with pytest.raises(ModelError, match=said) as error:
        compiled(m)
    assert error.value.code == "EFN-M006"


def test_what_a_branch_computes_means_nothing_outside(m, compiled):
    lacking(m, else_branch=branch([("Neg", ["x"], "inner"), ("Neg", ["inner"], "y")], "y"))
    m.output(m.node("Relu", "inner"))
    with pytest.raises(ModelError, match="reads 'inner'"):
        compiled(m)


@pytest.mark.parametrize(
    "other", [branch([("Shape", ["x"], "y")], "y"), branch([], "c", constants=[("c", np.ones(3, F))])]
)
def test_branches_of_other_types_and_shapes_are_refused(m, compiled, other):
    lacking(m, else_branch=other)
    with pytest.raises(UnsupportedError, match="its branches give f32") as error:
        compiled(m)
    assert error.value.code == "EFN-M011"


def test_an_unknown_op_in_a_branch_is_named(m, tmp_path):
    lacking(m, else_branch=branch([("Neg", ["x"], "n"), ("Frobnicate", ["n"], "y")], "y"))
    path = tmp_path / "m.onnx"
    path.write_bytes(m.proto().SerializeToString())
    assert inspect_model(read_model(path)).unsupported == ("op Frobnicate (node '-> y')",)


def test_nodes_of_branches_count(m, compiled, monkeypatch):
    monkeypatch.setattr("edgefn.graph.importers.onnx.file.MAX_NODES", 8)
    lacking(m, else_branch=branch([("Neg", ["x"], f"n{i}") for i in range(7)], "n0"))
    with pytest.raises(ModelError, match="has 9 nodes") as error:
        compiled(m)
    assert error.value.code == "EFN-M008"


def test_branches_lie_in_branches_as_deep_as_a_file_can_have_them(m, agree):
    inner = branch([("Neg", ["x"], "y")], "y")
    for _ in range(25):
        node = helper.make_node("If", ["p"], ["y"], then_branch=inner, else_branch=branch([("Exp", ["x"], "y")], "y"))
        inner = branch([], "y")
        inner.node.append(node)
    lacking(m, else_branch=inner)
    agree(m)


@pytest.mark.parametrize("value", [2**33 + 5, -(2**31) - 1])
def test_a_choice_between_integers_that_32_bits_do_not_hold_is_refused(m, compiled, value):
    sides = [branch([], "c", constants=[("c", np.full(4, v, np.int64))]) for v in (1, value)]
    m.output(choice(m, "p", *sides)[0], "i64")
    m.output(m.node("Relu", "x"))
    with pytest.raises(
        UnsupportedError, match=f"reaches from {value} to {value}; integers are computed in 32"
    ) as error:
        compiled(m)
    assert error.value.code == "EFN-M011"


def test_labels_of_one_branch_are_not_those_of_what_the_other_calls_the_same(m, agree):
    yes = branch([("Neg", ["x"], "y")], "y")
    yes.initializer.append(numpy_helper.from_array(np.array(["a", "b"], object), "n"))
    no = branch([("Exp", ["x"], "n"), ("Neg", ["n"], "y")], "y")
    m.output(choice(m, "p", yes, no)[0])
    agree(m)


def test_a_name_of_a_branch_is_not_of_the_type_that_an_input_of_that_name_has(model, check):
    m = model()
    for name in ("p", "b"):
        m.input(name, (), "bool")
    m.input("x", (4,))
    yes = branch([("Sub", ["x", "one"], "b")], "y", constants=[("one", np.ones(1, F))])
    yes.node.append(helper.make_node("Cast", ["b"], ["c"], to=TensorProto.BOOL))
    yes.node.append(helper.make_node("Cast", ["c"], ["y"], to=TensorProto.FLOAT))
    m.output(choice(m, "p", yes, branch([("Neg", ["x"], "y")], "y"))[0])
    check(m, inputs=[np.array(True), np.array(True), X])
