"""Open dimensions and the sizes they are given."""

import pytest

from edgefn.errors import ModelError, UsageError
from edgefn.graph.importers.dims import leaves_batch_open, resolve_dims, sizes_of
from edgefn.graph.importers.source import SourcePort

IDS = SourcePort("ids", "i64", ("batch", "seq"))
STATE = SourcePort("state", "f32", (2, "batch", 8))
NAMELESS = SourcePort("x", "f32", ("?", "?", 4))


def test_a_name_gives_its_size_to_every_dimension_that_has_it():
    assert resolve_dims([IDS, STATE], {"batch": 3, "seq": 16}) == ((3, 16), (2, 3, 8))


def test_a_batch_without_a_size_is_one_wherever_it_stands():
    assert resolve_dims([STATE, IDS], {"seq": 16}) == ((2, 1, 8), (1, 16))


def test_a_dimension_without_a_name_goes_by_its_place():
    assert resolve_dims([NAMELESS], {"x.1": 7}) == ((1, 7, 4),)


def test_an_open_dimension_without_a_size_is_an_error_that_says_what_to_write():
    with pytest.raises(ModelError) as caught:
        resolve_dims([IDS], {})
    assert (caught.value.code, caught.value.hint) == ("EFN-M007", "give it a size: --dim seq=128")


@pytest.mark.parametrize(
    ("sizes", "said"),
    [({"time": 5}, "no open dimension 'time'"), ({"seq": 0}, "the size 0"), ({"seq": 1 << 30}, "the size 1073741824")],
)
def test_a_size_that_fits_nothing_is_refused(sizes, said):
    with pytest.raises(UsageError, match=said) as caught:
        resolve_dims([IDS], sizes)
    assert caught.value.code == "EFN-U043"


def test_sizes_are_read_off_shapes():
    sizes = sizes_of([IDS, STATE, NAMELESS], {"ids": (2, 5), "state": (2, 2, 8), "x": (1, 9, 4)}, {})
    assert resolve_dims([IDS, STATE, NAMELESS], sizes) == ((2, 5), (2, 2, 8), (1, 9, 4))


def test_an_input_goes_by_its_number_where_it_is_not_named():
    numbered = sizes_of([IDS, STATE], {"0": (2, 5), "1": (9, 9, 9), "state": (2, 2, 8)}, {})
    assert numbered == sizes_of([IDS, STATE], {"ids": (2, 5), "state": (2, 2, 8)}, {})


def test_a_batch_of_one_stays_unsaid():
    assert sizes_of([IDS], {"ids": (1, 5)}, {}) == {"ids.1": 5}


@pytest.mark.parametrize(
    ("inputs", "outputs", "sizes", "is_open"),
    [
        ([("n", 4)], [("n",), ("n", 2)], {}, True),
        ([("?", 4)], [("?", 2)], {}, True),
        ([("n", 4)], [("unk_7", 2)], {}, True),  # exporters give what they compute names of its own
        ([("n", "seq")], [("n", 2)], {"seq": 5}, True),
        ([("n", 4)], [("n", 2)], {"n": 1}, False),
        ([("n", 4)], [("n", 2)], {"x0.0": 1}, False),
        ([("n", 4)], [(1, 2)], {}, False),
        ([("n", 4)], [()], {}, False),
        ([("n", 4), (2, "n", 8)], [("n", 2)], {}, False),
        ([("n", 4), ("m", 4)], [("n", 2)], {}, False),
        ([("n", "seq")], [("seq", "n", 2)], {"seq": 1}, False),
        ([("?", "?")], [("?", 2)], {"x0.1": 1}, False),
    ],
)
def test_a_batch_is_open_where_it_is_the_first_dimension_of_everything(inputs, outputs, sizes, is_open):
    ports = [
        [SourcePort(f"{side}{i}", "f32", s) for i, s in enumerate(p)] for side, p in (("x", inputs), ("y", outputs))
    ]
    assert leaves_batch_open(*ports, sizes) is is_open


def test_a_size_that_was_said_wins_over_a_shape():
    sizes = sizes_of([IDS, STATE], {"ids": (2, 5), "state": (2, 2, 8)}, {"seq": 7})
    assert resolve_dims([IDS, STATE], sizes) == ((2, 7), (2, 2, 8))
