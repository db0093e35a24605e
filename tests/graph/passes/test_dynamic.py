"""A product of dynamically quantized integers, cast and scaled, is one layer where its scales are those of columns."""

import numpy as np
import pytest

F = np.float32


@pytest.mark.parametrize(
    ("shape", "fused"),
    [((), True), ((4,), True), ((1, 4), True), ((1, 1), True), ((4, 1), False), ((1, 1, 4), False)],
)
def test_scales_of_columns_are_taken_into_the_layer_and_others_are_not(model, check, shape, fused):
    """Of four rows and four columns: `[4, 1]` is one a row, `[1, 1, 4]` makes the result one of three dimensions."""
    m = model()
    m.node("DynamicQuantizeLinear", m.input("x", (4, 6)), outputs=3)
    y, scale, zero = m.nodes[-1].output
    w = m.constant(m.rng.integers(-128, 128, (6, 4), np.int8))
    total = m.node("Cast", m.node("MatMulInteger", y, w, zero), to=1)
    by = np.linspace(0.001, 0.01, int(np.prod(shape))).reshape(shape).astype(F)
    m.output(m.node("Mul", total, m.node("Mul", scale, m.constant(by))))
    assert ("dense_dynamic" in check(m).ops) == fused
