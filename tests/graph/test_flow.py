"""Values are followed by the bytes that ops touch."""

import pytest

from edgefn.graph.flow import flow_of
from edgefn.graph.ops import BY_NAME
from edgefn.graph.plan import read_plan
from edgefn.graph.records import Plan, PlanOp, PlanTensor


@pytest.fixture
def flow(model, compiled):
    """Makers of what every op reads, as names of op codes, input numbers, or None for what nothing wrote."""

    def follow(body):
        m = model()
        body(m)
        plan = read_plan(compiled(m).plan)
        found = flow_of(plan)
        names = [plan.ops[v.maker].code.name if v.maker is not None else v.port for v in found.values]
        reads = [(op.code.name, [names[v] for v in read]) for op, read in zip(plan.ops, found.reads)]
        return reads, [[names[v] for v in values] for values in found.returned], found

    return follow


def test_a_chain_reads_what_came_before(flow):
    def body(m):
        m.output(m.node("Softmax", m.node("MatMul", m.input("x", (4, 8)), m.random(8, 8)), axis=-1))

    reads, returned, found = flow(body)
    assert reads == [("dense_f32", [0]), ("softmax_f32", ["dense_f32"])]
    assert returned == [["softmax_f32"]]
    assert [(v.first, v.last) for v in found.values] == [(0, 0), (0, 1), (1, 2)]


def test_a_sum_reads_both_its_operands_and_a_view_is_what_lies_under_it(flow):
    def body(m):
        a = m.node("MatMul", m.input("x", (4, 8)), m.random(8, 8))
        b = m.node("Reshape", m.node("Softmax", a, axis=-1), m.constant([4, 8]))
        m.output(m.node("Add", a, m.node("Reshape", b, m.constant([4, 8]))))

    reads, *_ = flow(body)
    assert reads[-1] == ("add_f32", ["dense_f32", "softmax_f32"])


def test_an_output_may_be_what_an_op_in_the_middle_computed(flow):
    def body(m):
        scores = m.node("MatMul", m.input("x", (4, 8)), m.random(8, 8))
        m.output(scores)
        m.output(m.node("MatMul", m.node("Softmax", scores, axis=-1), m.random(8, 2)))

    _, returned, found = flow(body)
    assert returned == [["dense_f32"], ["dense_f32"]]
    assert [v.last for v in found.values] == [0, 3, 2, 3]


def test_what_the_last_run_left_is_read_until_it_is_written_over():
    state, x, y, z = (PlanTensor("f32", (4,), "arena", at, 16) for at in (0, 16, 32, 48))
    copies = [(0, 2), (1, 0), (0, 3)]
    ops = tuple(PlanOp(BY_NAME["copy"], pair) for pair in copies)
    found = flow_of(Plan((state, x, y, z), ops, (1,), (2, 3), bytes(16), arena_bytes=64, state_bytes=16))
    assert found.reads == ((), (0,), (2,))
    assert (found.resumed, found.kept, found.returned) == ((0,), (2,), ((1,), (3,)))
    assert found.values[2].last == 3
