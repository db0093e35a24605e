from hypothesis import given
from hypothesis import strategies as st

from edgefn.graph.memory import ALIGNMENT, Buffer, bound, place

buffers = st.lists(
    st.builds(
        lambda size, first, length: Buffer(size, first, first + length),
        st.integers(1, 5000),
        st.integers(0, 20),
        st.integers(0, 20),
    ),
    max_size=40,
)


@given(buffers)
def test_no_two_buffers_that_live_together_overlap(given_buffers):
    offsets, total = place(given_buffers)
    placed = list(zip(given_buffers, offsets, strict=True))
    for i, (a, at) in enumerate(placed):
        assert at % ALIGNMENT == 0
        assert at + a.size <= total
        for b, other in placed[:i]:
            together = a.first <= b.last and b.first <= a.last
            assert not together or at + a.size <= other or other + b.size <= at


@given(buffers)
def test_a_plan_is_never_larger_than_all_buffers_side_by_side(given_buffers):
    assert place(given_buffers)[1] <= sum(-(-b.size // ALIGNMENT) * ALIGNMENT for b in given_buffers)


@given(buffers)
def test_no_plan_is_below_the_bound(given_buffers):
    assert bound(given_buffers) <= place(given_buffers)[1]


@given(buffers)
def test_equal_buffers_are_placed_equally(given_buffers):
    assert place(given_buffers) == place(given_buffers)


def test_an_order_that_loses_nothing_is_found_where_the_plain_ones_lose():
    crossing = [Buffer(32, 0, 3), Buffer(64, 4, 5), Buffer(64, 2, 2), Buffer(32, 3, 6)]
    assert place(crossing)[1] == bound(crossing) == 96


def test_the_bound_counts_what_lives_at_one_step():
    assert bound([Buffer(100, 0, 1), Buffer(10, 1, 2), Buffer(1, 3, 3)]) == 112 + 16


def test_buffers_that_do_not_meet_share_their_place():
    assert place([Buffer(100, 0, 1), Buffer(100, 2, 3)]) == ([0, 0], 112)


def test_no_buffers_need_no_memory():
    assert place([]) == ([], 0)
