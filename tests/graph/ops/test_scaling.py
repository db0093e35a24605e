"""A product in f32 in the place of TFLite's arithmetic: proved for a few sums, so it must hold for all of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgefn.graph.ops.fixed import end, scaled, whole
from edgefn.graph.ops.scaling import Steps, find_scaling, scaled_f32

SOME = settings(max_examples=25)


def fixed(factor, least, most, *, zero=0, low=-128, high=127):
    """TFLite's fixed point, of multipliers made by hand."""
    fraction, shift = np.frexp(factor)
    multiplier = np.floor(fraction * 2.0**31 + 0.5).astype(np.int64)

    def exact(sums, of=slice(None)):
        return end(scaled(sums, multiplier[of], shift[of].astype(np.int64)), zero, low, high)

    return Steps(exact, factor, np.asarray(least), np.asarray(most), zero, low, high)


def by_f64(factor, least, most, *, zero=0, low=-128, high=127):
    def exact(sums, of=slice(None)):
        return end(whole(sums * factor[of]), zero, low, high)

    return Steps(exact, factor, np.asarray(least), np.asarray(most), zero, low, high)


def hold(steps):
    """Compare with every sum near the steps and with many others; return what was found."""
    found = find_scaling(steps)
    if found is None:
        return None
    rng = np.random.default_rng(0)
    for j, factor in enumerate(steps.factor):
        near = int(min(300 / factor, 2.0**17))
        every = np.arange(max(steps.least[j], -near), min(steps.most[j], near) + 1)
        sums = np.zeros((len(every) + 2000, len(steps.factor)), np.int64)
        sums[:, j] = [*every, *rng.integers(steps.least[j], steps.most[j], 2000, endpoint=True)]
        y = scaled_f32(sums[:, j] + found.shift[j], found.factor[j], found.offset[j], found.centre[j]) + steps.zero
        np.testing.assert_array_equal(np.clip(y, steps.low, steps.high), steps.exact(sums)[:, j])
    return found


@SOME
@given(
    make=st.sampled_from([fixed, by_f64]),
    zero=st.sampled_from([-128, -37, 0, 5, 127]),
    low=st.sampled_from([-128, -100, 0]),
    spread=st.floats(1, 400),
    reach=st.integers(10, 18),
    seed=st.integers(0, 2**32 - 1),
)
def test_what_is_found_gives_the_same_results_for_all_sums(make, zero, low, spread, reach, seed):
    rng = np.random.default_rng(seed)
    ends = rng.integers(-(2**reach), 2**reach, (2, 4))
    factor = spread / 2.0**reach * rng.uniform(0.3, 1, 4)
    hold(make(factor, ends.min(axis=0), ends.max(axis=0), zero=zero, low=low))


@pytest.mark.parametrize("make", [fixed, by_f64])
@pytest.mark.parametrize(("zero", "low"), [(-128, -128), (0, -128), (-5, -5)])
def test_ordinary_layers_have_one(make, zero, low):
    rng = np.random.default_rng(3)
    for _ in range(5):
        reach = rng.integers(20_000, 150_000, 16)
        assert hold(make(rng.uniform(0.003, 0.02, 16), -reach, reach, zero=zero, low=low)) is not None


def test_a_channel_that_never_changes_is_its_centre():
    found = hold(fixed(np.array([1e-9, 0.01]), [2**29, -3000], [2**29 + 3000, 3000], zero=7))
    assert found is not None
    assert (found.shift[0], found.offset[0], found.centre[0]) == (0, 0, 1)


def test_bounds_that_leave_one_result_are_its_centre():
    found = hold(fixed(np.array([0.01]), [-3000], [3000], zero=7, low=9, high=9))
    assert found is not None
    assert found.centre[0] == 2


def test_sums_that_could_wrap_have_none():
    assert find_scaling(fixed(np.array([0.01]), [-(2**31)], [2**31 - 1])) is None
    assert find_scaling(by_f64(np.array([3.0]), [0], [2**30])) is None


def test_steps_closer_than_f32_can_tell_have_none():
    factor = np.array([2.0**-23 / 3])
    assert find_scaling(by_f64(factor, [-(2**30)], [2**30])) is None


def test_channels_are_looked_at_a_few_at_a_time_and_not_behind_one_that_has_none():
    seen = []

    def exact(sums, of):
        seen.append(of.start)
        return end(whole(sums * factor[of]), 0, -128, 127)

    factor = np.full(200, 0.01)
    factor[100] = 2.0**-23 / 3
    reach = np.where(np.arange(200) == 100, 2**30, 20_000)
    assert find_scaling(Steps(exact, factor, -reach, reach, 0, -128, 127)) is None
    assert set(seen) == {0, 64}
