import pytest

from edgefn.cli.dims import sizes
from edgefn.errors import UsageError


def test_sizes_are_read_by_name():
    assert sizes(["seq=128", "x.0=4", "a=b=2"]) == {"seq": 128, "x.0": 4, "a=b": 2}
    assert sizes(None) == {}


@pytest.mark.parametrize("written", [["seq"], ["=3"], ["seq=-1"], ["seq=1.5"], ["seq="], ["seq=1", "seq=2"]])
def test_what_is_no_size_is_refused(written):
    with pytest.raises(UsageError) as caught:
        sizes(written)
    assert caught.value.code == "EFN-U043"
