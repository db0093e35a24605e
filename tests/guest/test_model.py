"""What a handler calls, on a plan that adds."""

import json
import struct

import pytest

from edgefn import Model, Tensor
from edgefn.guest.signature import OpenedPlan


def plan(*, batch: object = None, labels=None, rows: int = 1) -> bytes:
    """Tables of a plan with input x and output y, both f32 [rows, 2]."""
    record = struct.pack("<BBBBII6IfiI", 1, 2, 0, 0, 0, 8 * rows, rows, 2, 0, 0, 0, 0, 0.0, 0, 0)
    said = {"name": "y", "layout": None} | ({"labels": labels} if labels else {})
    meta = {"inputs": [{"name": "x", "layout": None}], "outputs": [said]} | (
        {"batch": batch} if batch is not None else {}
    )
    text = json.dumps(meta).encode()
    header = bytearray(96)
    struct.pack_into("<II", header, 16, 96, 2)
    struct.pack_into("<III", header, 36, 192, 1, 1)
    struct.pack_into("<II", header, 56, 200, len(text))
    return bytes(header) + record + record + struct.pack("<II", 0, 1) + text


def opened(data: bytes) -> Model:
    def run(inputs, outputs) -> None:
        assert (len(inputs[0]), len(outputs[0])) == (2, 2)
        outputs[0][0], outputs[0][1] = inputs[0][0] + 1, inputs[0][1] + 1

    return Model("m", OpenedPlan(data, run, lambda: None))


def test_a_model_of_one_item_takes_one():
    assert opened(plan())(Tensor("float32", (1, 2), [1, 2])).tolist() == [2, 3]
    with pytest.raises(ValueError, match=r"takes float32 \(1, 2\) as 'x', not float32 \(2, 2\)"):
        opened(plan())(Tensor.zeros("float32", (2, 2)))


def test_a_model_of_any_number_of_items_runs_once_for_each():
    y = opened(plan(batch=3))(Tensor("float32", (3, 2), [1, 2, 3, 4, 5, 6]))
    assert (y.shape, y.tolist()) == ((3, 2), [2, 3, 4, 5, 6, 7])


@pytest.mark.parametrize("shape", [(4, 2), (0, 2), (2,), (1, 3)])
def test_too_many_items_and_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="or up to 3 in the first dimension of all"):
        opened(plan(batch=3))(Tensor.zeros("float32", shape))


@pytest.mark.parametrize("batch", [0, 1, -3, 1025, 10**30, 2.0, True, "3", [2], {}])
def test_a_plan_that_takes_an_impossible_number_of_items_is_refused(batch):
    with pytest.raises(ValueError, match="items at once, not 2 to 1,024: compile the model again"):
        opened(plan(batch=batch))


def test_a_plan_of_several_items_that_says_it_is_of_one_is_refused():
    with pytest.raises(ValueError, match=r"'x' of \(4, 2\) is not of one item"):
        opened(plan(batch=3, rows=4))


def test_outputs_know_their_labels():
    (port,) = opened(plan(labels=["cat", "dog"])).outputs
    assert port.labels == ("cat", "dog")
    assert opened(plan()).outputs[0].labels == ()
