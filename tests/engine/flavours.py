"""Run a plan every way there is and hold the ways to each other."""

from collections.abc import Sequence

import numpy as np

from edgefn.engine.library import FLAVOURS
from edgefn.engine.standalone import Runner
from tests.fuzz.seeds import keep

FUSED = 1e-5  # relative, of what relaxed-simd may fuse


def hold(plan: bytes, inputs: Sequence[np.ndarray], expected: np.ndarray, *, scale: float = 0.0) -> None:
    """SIMD and reference of both flavours give `expected` bit for bit.

    `scale` is the size of the products summed, where the relaxed flavour's SIMD may differ by FUSED of it.
    """
    keep("plan", plan)
    for flavour in FLAVOURS:
        with Runner(plan, flavour) as runner:
            reference = _only(runner.run(inputs, reference=True), expected)
            simd = _only(runner.run(inputs), expected)
        np.testing.assert_array_equal(reference, expected)
        if flavour == "relaxed-simd" and scale > 0:
            np.testing.assert_allclose(simd, reference, rtol=FUSED, atol=FUSED * scale)
        else:
            np.testing.assert_array_equal(simd, reference)


def _only(outputs: list[bytes], like: np.ndarray) -> np.ndarray:
    (data,) = outputs
    return np.frombuffer(data, like.dtype).reshape(like.shape)
