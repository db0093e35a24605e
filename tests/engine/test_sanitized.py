"""The engine under AddressSanitizer and UndefinedBehaviorSanitizer meets good plans and bad ones."""

import pytest

from .sanitized import FLAVOURS, Crash
from .test_hostile_plans import samples

BOTH = pytest.mark.parametrize("flavour", FLAVOURS)


@BOTH
def test_every_kind_of_op_runs_inside_its_memory_and_simd_agrees_with_the_reference(sanitized_engine, flavour):
    outcomes = [m.outcome for m in sanitized_engine(flavour).meet(samples())]
    assert outcomes == ["ran"] * len(samples())


def test_an_arena_that_is_too_small_is_noticed(sanitized_engine):
    with pytest.raises(Crash, match=r"(?s)use-after-poison.* in efn_conv2d_f32_simd ") as crash:
        sanitized_engine("simd128").meet(samples()[:3], missing=64)
    assert crash.value.before == []


def test_every_truncation_is_refused(sanitized_engine):
    cut = [plan[:length] for plan in samples() for length in range(0, len(plan), 5)]
    assert {m.outcome for m in sanitized_engine("simd128").meet(cut)} == {"refused"}
