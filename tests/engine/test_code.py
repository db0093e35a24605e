import pytest

from edgefn.engine.code import callees, function_bodies, write_bodies

MEMARG = b"\x02\x10"


@pytest.mark.parametrize(
    "operands",
    [
        b"\x41\x90\x7f",  # i32.const -112
        b"\x43" + b"\x10" * 4,  # f32.const
        b"\x44" + b"\x10" * 8,  # f64.const
        b"\x28" + MEMARG,  # i32.load
        b"\x0e\x02\x10\x10\x10",  # br_table of two, and a default
        b"\x11\x10\x00",  # call_indirect
        b"\xfc\x0a\x00\x00",  # memory.copy
        b"\xfd\x0c" + b"\x10" * 16,  # v128.const
        b"\xfd\x0d" + b"\x10" * 16,  # i8x16.shuffle
        b"\xfd\x15\x10",  # i8x16.extract_lane_s
        b"\xfd\x54" + MEMARG + b"\x10",  # v128.load8_lane
        b"\xfd\x5c" + MEMARG,  # v128.load32_zero
        b"\xfd\x92\x02",  # i32x4.relaxed_dot_i8x16_i7x16_add_s
    ],
)
def test_only_calls_are_calls_whatever_stands_among_the_operands(operands):
    locals_ = b"\x02\x10\x7f\x01\x7b"
    body = locals_ + b"\x10\x85\x01" + operands + b"\x10\x07\x0b"
    assert callees(body) == {133, 7}


def test_an_unknown_instruction_is_not_passed_over():
    with pytest.raises(ValueError, match="0x06"):
        callees(b"\x00\x06\x40\x0b")


def test_a_body_that_ends_inside_an_instruction_is_not_taken():
    with pytest.raises(ValueError, match="ends 6 bytes behind"):
        callees(b"\x00\x44\x00\x00")


def test_bodies_come_back_as_they_were():
    bodies = [b"\x00\x0b", b"\x00" + b"\x01" * 300 + b"\x0b"]
    assert function_bodies(write_bodies(bodies)) == bodies
