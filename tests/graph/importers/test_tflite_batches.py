"""SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND by themselves, against numpy written out."""

from functools import partial

import numpy as np
import pytest
from tests.graph.importers import arrays
from tests.graph.importers.operands import SCALE, i32, tensor

RNG = np.random.default_rng(11)
normal, integers = partial(arrays.normal, RNG), partial(arrays.integers, RNG)


def hold(writer, run_tflite, x, wide, block, pads):
    """Blocks of x, in front of whose axes are `pads`, are `wide`, and together x again."""
    source, middle, target = tensor(writer, "x", x), tensor(writer, "m", wide), tensor(writer, "y", x)
    sizes = tensor(writer, "block", i32(*block), constant=True)
    borders = tensor(writer, "borders", np.stack([i32(*pads), i32(*pads) * 0], 1), constant=True)
    writer.op("SPACE_TO_BATCH_ND", [source, sizes, borders], [middle])
    writer.op("BATCH_TO_SPACE_ND", [middle, sizes, borders], [target])
    writer.subgraph([source], [middle, target])
    found = run_tflite(writer, x)
    np.testing.assert_array_equal(found[0], wide)
    np.testing.assert_array_equal(found[1], x)


@pytest.mark.parametrize("made", [normal, integers], ids=["f32", "i8"])
def test_images_are_taken_apart_and_put_together_again(writer, run_tflite, made):
    x = made(2, 3, 4, 2)
    zero = SCALE[1] if x.dtype == np.int8 else 0
    padded = np.pad(x, ((0, 0), (1, 0), (2, 0), (0, 0)), constant_values=zero)
    wide = padded.reshape(2, 2, 2, 2, 3, 2).transpose(2, 4, 0, 1, 3, 5).reshape(12, 2, 2, 2)
    hold(writer, run_tflite, x, wide, (2, 3), (1, 2))


def test_sequences_are_taken_apart_and_put_together_again(writer, run_tflite):
    x = normal(2, 5, 3)
    wide = np.pad(x, ((0, 0), (1, 0), (0, 0))).reshape(2, 3, 2, 3).transpose(2, 0, 1, 3).reshape(4, 3, 3)
    hold(writer, run_tflite, x, wide, (2,), (1,))
