"""The integer LSTM: engine and oracle give the same bits, over every argument of the functions in it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgefn.engine.library import FLAVOURS
from edgefn.engine.standalone import Runner
from edgefn.graph.assemble import assemble
from edgefn.graph.ir import Graph, Node, Port, Quantization, Tensor
from edgefn.graph.lower import lower
from edgefn.graph.ops import LstmQ8
from edgefn.graph.ops.lstm_q8 import head
from edgefn.graph.ops.q15 import sigmoid, tanh
from edgefn.graph.plan import read_plan, write_plan
from edgefn.graph.reference import evaluate

ALL = np.arange(-(2**15), 2**15)
META = {
    "inputs": [{"name": name, "layout": None} for name in "xhc"],
    "outputs": [{"name": "y", "layout": None}],
}


def build(x, h, c, constants, op, scales=(0.05, 0.0075), zeros=(0, 0)) -> bytes:
    """The plan of one node; x and the states before it are inputs."""
    graph = Graph("test", rounding="fixed")
    steps, batch, _ = x.shape
    for name, value, q in (("x", x, (scales[0], zeros[0])), ("h", h, (scales[1], zeros[1])), ("c", c, None)):
        graph.add(Tensor(name, "i8", value.shape, Quantization.of(*q) if q else None))
    for name, value in zip(("w", "r", "bias"), constants, strict=True):
        graph.add(Tensor(name, "i32" if name == "bias" else "i8", value.shape, constant=value))
    size = head(batch, h.shape[-1]) + steps * h.size
    graph.add(Tensor("y", "i8", (size,), Quantization.of(scales[1], zeros[1])))
    graph.nodes = [Node("lstm", op, ("x", "h", "c", "w", "r", "bias"), "y")]
    graph.inputs, graph.outputs = tuple(Port(n, n) for n in "xhc"), (Port("y", "y"),)
    return write_plan(assemble(graph, lower(graph), META))


def agree(plan, *inputs):
    (wanted,) = evaluate(read_plan(plan), inputs)
    for flavour in FLAVOURS:
        with Runner(plan, flavour) as runner:
            for reference in (True, False):
                found = np.frombuffer(runner.run(inputs, reference=reference)[0], np.int8)
                np.testing.assert_array_equal(found, wanted)
    return wanted


@settings(max_examples=40, deadline=None)
@given(
    *(st.integers(1, n) for n in (4, 3, 19, 21)), st.integers(0, 6), st.sampled_from([0, 3000]), st.integers(0, 2**31)
)
def test_engine_and_oracle_agree(steps, batch, inputs, cells, cell_bits, clip, seed):
    rng = np.random.default_rng(seed)

    def integers(*shape):
        return rng.integers(-127, 128, shape, np.int8)

    w, r, bias = (
        integers(4, cells, inputs),
        integers(4, cells, cells),
        rng.integers(-(2**20), 2**20, (4, cells), np.int32),
    )
    op = LstmQ8(tuple(rng.uniform(1e-5, 1e-2, 4)), tuple(rng.uniform(1e-5, 1e-2, 4)), cell_bits, clip)
    x, h, c = (
        integers(steps, batch, inputs),
        integers(batch, cells),
        rng.integers(-128, 128, (batch, cells, 2), np.int8),
    )
    zeros = tuple(int(z) for z in rng.integers(-128, 128, 2))
    agree(build(x, h, c, (w, r, bias), op, zeros=zeros), x, h, c)


@pytest.mark.parametrize("cell_bits", range(7))
def test_they_agree_over_every_sum_that_a_gate_can_have(cell_bits):
    """In step t the gates of cell j sum up to 256 x + j, where x is t - 128: as they are, and turned around."""
    x = np.repeat(np.arange(-128, 128, dtype=np.int8), 4).reshape(256, 1, 4)
    w, r = np.full((4, 256, 4), 64, np.int8), np.zeros((4, 256, 256), np.int8)
    w[1:3] = -64
    bias = np.tile(np.arange(256, dtype=np.int32), (4, 1))
    bias[1:3] *= -1
    h, c = np.zeros((1, 256), np.int8), np.zeros((1, 256, 2), np.int8)
    op = LstmQ8((2.0**-12 / 0.05,) * 4, (1e-3,) * 4, cell_bits, 0)
    y = agree(build(x, h, c, (w, r, bias), op), x, h, c)
    assert len(np.unique(y[512:])) > 40


def test_the_functions_are_near_to_what_they_stand_for():
    assert np.abs(sigmoid(ALL) / 2**15 - 1 / (1 + np.exp(-ALL / 2**12))).max() < 2e-4
    for n in range(7):
        assert np.abs(tanh(ALL, n) / 2**15 - np.tanh(ALL / 2 ** (15 - n))).max() < 4e-4
