"""A graph drawn beside its nodes."""

from hypothesis import given
from hypothesis import strategies as st

from edgefn.report.rails import MAX_RAILS, rails


def test_a_chain_has_no_rails():
    assert rails(3, {1: [0], 2: [1]}) == ["●", "●", "●"]


def test_a_residual_has_a_rail_from_its_maker_to_its_reader():
    assert rails(4, {1: [0], 2: [1], 3: [2, 0]}) == [
        "●─╮",
        "● │",
        "● │",
        "●─╯",
    ]


def test_a_branch_that_does_not_read_the_node_above_is_hollow():
    assert rails(3, {1: [0], 2: [0]}) == ["●─╮", "● │", "○─╯"]


def test_rails_are_crossed_joined_and_taken_again():
    reads = {1: [0], 2: [1], 3: [2, 0], 4: [3], 5: [4], 6: [5, 3], 7: [6, 0, 2], 8: [7], 9: [8, 7]}
    assert rails(10, reads) == [
        "●─╮",
        "● │",
        "●─┼─╮",
        "●─•─┼─╮",
        "● │ │ │",
        "● │ │ │",
        "●─┼─┼─╯",
        "●─┴─┴─╮",
        "●     │",
        "●─────╯",
    ]


def test_more_rails_than_fit_are_not_drawn():
    count = 2 * MAX_RAILS
    drawn = rails(2 * count, {count + i: [i] for i in range(count)})
    assert max(map(len, drawn)) == 1 + 2 * MAX_RAILS


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 25))
    reads = {node: draw(st.lists(st.integers(0, node - 1), max_size=3, unique=True)) for node in range(1, count)}
    return count, reads


@given(graphs())
def test_every_graph_has_a_line_a_node_and_no_rail_is_left_open(graph):
    count, reads = graph
    drawn = rails(count, reads)
    assert len(drawn) == count
    assert all(line[0] == ("●" if n == 0 or n - 1 in reads[n] else "○") for n, line in enumerate(drawn))
    assert not set(drawn[-1]) & set("│┼┤•╮┬")
