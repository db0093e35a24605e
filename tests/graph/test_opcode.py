"""The words of an op code: which parameters it has, and which values they may have."""

from math import inf, nan

import pytest

from edgefn.graph.opcode import Parameter
from edgefn.graph.ops import BY_CODE

ALLOWED = {
    "@scratch": ((0, 16, 4096), (8, 17)),
    "last:flag": ((0, 1), (2,)),
    "x_zero:i8": ((-128, 127), (-129, 128)),
    "y_mult:multiplier": ((0, 2**30, 2**31 - 1), (1, 2**30 - 1, 2**31)),
    ".scale": ((1e-30, 3e38), (0.0, -1.0, inf, nan)),
    "alpha:finite": ((-1.0, 0.0), (inf, -inf, nan)),
    "epsilon:not_negative": ((0.0, 1.0), (-1e-30, inf, nan)),
    "low:bound": ((-inf, 0.0, inf), (nan,)),
}


@pytest.mark.parametrize("word", ALLOWED)
def test_a_word_says_which_values_its_parameter_may_have(word):
    allows = Parameter.of(word).kind.allows
    good, bad = ALLOWED[word]
    assert all(map(allows, good))
    assert not any(map(allows, bad))


def test_a_kind_that_is_none_is_a_mistake_of_the_op():
    with pytest.raises(KeyError, match="bounded"):
        Parameter.of("low:bounded")


def test_bounds_and_zero_points_of_every_op_say_which_they_are():
    for code in BY_CODE.values():
        for parameter in code.parameters:
            if parameter.name in {"low", "high"}:
                assert parameter.kind.name in {"bound", "i8"}, code.name
            if parameter.name.endswith("_zero"):
                assert parameter.kind.name == "i8", code.name
