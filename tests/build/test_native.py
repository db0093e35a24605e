"""A model outside a component."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from edgefn.build.native import open_model
from edgefn.guest.model import Model
from edgefn.guest.tensor import Tensor


@pytest.fixture(scope="module")
def model(digits_folder):
    return Model("digits", open_model("digits", str(digits_folder / "handler.py")))


def test_threads_take_turns(model):
    images = [Tensor("float32", (1, 1, 8, 8), [float((i * j) % 5) / 4 for j in range(64)]) for i in range(1, 5)]
    alone = [bytes(model(image).data) for image in images]
    assert len(set(alone)) == len(images)
    with ThreadPoolExecutor(4) as pool:
        assert [bytes(y.data) for y in pool.map(model, images * 50)] == alone * 50


def test_a_model_that_is_not_declared_is_refused_with_those_that_are(digits_folder):
    with pytest.raises(LookupError, match="declared: digits"):
        open_model("letters", str(digits_folder / "handler.py"))
