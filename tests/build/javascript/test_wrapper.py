"""The sources as they are written; what they do is held in the runtimes."""

import pytest

from edgefn.build.javascript import HEAD, write_wrapper
from edgefn.errors import UnsupportedError


def test_names_leave_nothing_in_the_sources_that_ends_a_literal_a_line_or_a_script(hostile):
    for source in (hostile.wrapper.module, hostile.wrapper.types):
        assert source.isascii()
        assert "<" not in source.replace("Port<", "").replace("PromiseLike<", "").replace("Promise<", "")
        assert r"\u2028\u2029 */ ${x} `" in source


def test_the_name_of_the_file_may_hold_anything(digits_plan):
    source = write_wrapper(digits_plan, 'my "own" </model>#1\udcff.wasm').module
    assert source.isascii()
    assert 'new URL("./my%20%22own%22%20%3C/model%3E%231%FF.wasm", import.meta.url)' in source


def test_the_same_plan_gives_the_same_sources(digits_plan):
    assert write_wrapper(digits_plan, "x.wasm") == write_wrapper(digits_plan, "x.wasm")


@pytest.mark.parametrize("side", ["ins", "outs"])
def test_two_ports_of_one_name_are_refused(make_hostile_plan, side):
    with pytest.raises(UnsupportedError, match=r"has 2 \w+ named 'x'") as caught:
        write_wrapper(make_hostile_plan(**{side: ("x", "y", "z", "x")}), "x.wasm")
    assert caught.value.code == "EFN-M013"


def test_a_wrapper_says_first_what_made_it(hostile):
    assert hostile.wrapper.module.encode().startswith(HEAD)
    assert hostile.wrapper.types.encode().startswith(HEAD)
