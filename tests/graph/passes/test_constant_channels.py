from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgefn.graph.assemble import assemble
from edgefn.graph.ir import Bounds, Graph, Node, Port, Quantization, Tensor, Window
from edgefn.graph.lower import lower
from edgefn.graph.ops import Add, AveragePool, Conv2d, Dense, Depthwise, MaxPool, Reshape
from edgefn.graph.passes import optimize
from edgefn.graph.passes.constant_channels import remove_constant_channels
from edgefn.graph.reference import evaluate

SCALE, ZERO = 0.05, -100
RELU = Bounds(low=0)


class Net:
    """An i8 network under construction. A layer's dead channels have weights too small to be seen, and a bias."""

    def __init__(self, seed: int, rounding: str, shape: tuple[int, ...]) -> None:
        self.rng = np.random.default_rng(seed)
        self.graph = Graph("net", rounding=rounding)
        self.last = self.tensor("x", shape)
        self.graph.inputs = (Port("x", self.last),)

    def tensor(self, name: str, shape: tuple[int, ...], zero: int = ZERO) -> str:
        return self.graph.add(Tensor(name, "i8", shape, Quantization.of(SCALE, zero)))

    def node(self, op, shape: tuple[int, ...], *constants: Tensor, zero: int = ZERO) -> str:
        inputs = (self.last, *map(self.graph.add, constants))
        self.last = self.tensor("y", shape, zero)
        self.graph.nodes.append(Node(f"n{len(self.graph.nodes)}", op, inputs, self.last))
        return self.last

    def layer(self, op, shape: tuple[int, ...], weights: tuple[int, ...], dead: int, bias: int = -3, **kw) -> str:
        m = shape[-1]
        axis = op.axis
        scale = np.full(m, 0.004, np.float32)
        silent = self.rng.permutation(m)[:dead]
        scale[silent] = 1e-7
        value = self.rng.integers(-127, 128, weights).astype(np.int8)
        start = self.rng.integers(-300, 300, m)
        start[silent] = np.round(bias * SCALE / (SCALE * scale[silent]))  # the result lies `bias` steps from zero
        q = Quantization(scale, np.zeros(m, np.int32), axis)
        w = Tensor("w", "i8", weights, q, value)
        return self.node(op, shape, w, Tensor("b", "i32", (m,), None, start.astype(np.int32)), **kw)

    def conv(self, m: int, dead: int, *, kernel: int = 1, pad: int = 0, **kw) -> str:
        n, h, w, c = self.graph.tensors[self.last].shape
        side = [s + 2 * pad - kernel + 1 for s in (h, w)]
        op = Conv2d(Window((kernel, kernel), pad=(pad, pad)), bounds=kw.pop("bounds", RELU))
        return self.layer(op, (n, *side, m), (m, kernel, kernel, c), dead, **kw)

    def depthwise(self, **kw) -> str:
        shape = self.graph.tensors[self.last].shape
        op = Depthwise(Window((3, 3), pad=(1, 1)), bounds=RELU)
        return self.layer(op, shape, (1, 3, 3, shape[3]), 0, **kw)

    def end(self) -> Graph:
        self.graph.outputs = (Port("y", self.last),)
        return self.graph


def outputs(graph: Graph, x) -> list:
    return evaluate(assemble(graph, lower(graph), {}), [x])


def shapes(graph: Graph) -> list[tuple[int, ...]]:
    return [graph.tensors[n.output].shape for n in graph.nodes]


def narrow(net: Net) -> list[tuple[int, ...]]:
    """Remove what can go, check that not a bit changes, and return the shapes that are left."""
    graph = net.end()
    x = net.rng.integers(-128, 128, graph.tensors["x"].shape).astype(np.int8)
    before = outputs(graph, x)
    remove_constant_channels(graph)
    np.testing.assert_array_equal(outputs(graph, x), before)
    return shapes(graph)


@pytest.mark.parametrize("rounding", ["fixed", "float"])
def test_dead_channels_go_from_both_sides_of_a_depthwise_layer(rounding):
    net = Net(1, rounding, (1, 6, 6, 5))
    net.conv(32, dead=13, kernel=3, pad=1)
    net.depthwise()
    net.conv(9, dead=0, bounds=Bounds())
    assert narrow(net) == [(1, 6, 6, 24), (1, 6, 6, 24), (1, 6, 6, 9)]


def test_the_channels_that_stay_fill_layers_of_eight():
    for dead, left in ((0, 24), (7, 24), (8, 16), (16, 8), (23, 8), (24, 8)):
        net = Net(2, "fixed", (1, 3, 3, 4))
        net.conv(24, dead)
        net.conv(5, dead=0, bounds=Bounds())
        assert narrow(net)[0][-1] == left


@pytest.mark.parametrize(("pad", "left"), [(0, 8), (1, 24)])
def test_a_value_that_is_not_zero_stays_where_a_window_leaves_the_image(pad, left):
    net = Net(3, "fixed", (1, 5, 5, 4))
    net.conv(24, dead=16, bias=40)
    net.conv(5, dead=0, kernel=3, pad=pad, bounds=Bounds())
    assert narrow(net)[0][-1] == left


def test_zero_goes_where_a_window_leaves_the_image():
    net = Net(4, "fixed", (1, 5, 5, 4))
    net.conv(24, dead=16)
    net.conv(5, dead=0, kernel=3, pad=1, bounds=Bounds())
    assert narrow(net)[0][-1] == 8


@pytest.mark.parametrize("rounding", ["fixed", "float"])
def test_channels_go_through_pools_and_reshapes_into_a_dense_layer(rounding):
    net = Net(5, rounding, (1, 8, 8, 4))
    net.conv(24, dead=17, bias=25)
    net.node(MaxPool(Window((2, 2), stride=(2, 2))), (1, 4, 4, 24))
    net.node(AveragePool(Window((4, 4))), (1, 1, 1, 24))
    net.node(Reshape(), (1, 24))
    net.layer(Dense(), (1, 3), (3, 24), 0)
    assert narrow(net) == [(1, 8, 8, 8), (1, 4, 4, 8), (1, 1, 1, 8), (1, 8), (1, 3)]


def test_channels_that_something_else_reads_stay():
    net = Net(6, "fixed", (1, 4, 4, 16))
    y = net.conv(16, dead=9)
    net.conv(16, dead=9)
    net.graph.nodes.append(Node("sum", Add(), (y, net.last), net.tensor("sum", (1, 4, 4, 16))))
    net.last = net.graph.nodes[-1].output
    assert narrow(net)[:2] == [(1, 4, 4, 16)] * 2


def test_channels_of_an_output_stay():
    net = Net(7, "fixed", (1, 4, 4, 16))
    net.conv(16, dead=9)
    assert narrow(net) == [(1, 4, 4, 16)]


def test_those_who_compare_layers_can_keep_them_whole():
    made = []
    for whole in (False, True):
        net = Net(1, "fixed", (1, 6, 6, 5))
        net.conv(24, dead=13)
        net.conv(9, dead=0, bounds=Bounds())
        optimize(net.end(), whole=whole)
        made.append(shapes(net.graph)[0])
    assert made == [(1, 6, 6, 16), (1, 6, 6, 24)]


def test_a_sum_that_could_leave_32_bits_is_no_constant():
    net = Net(8, "fixed", (1, 2, 2, 4))
    net.conv(16, dead=0)
    bias = net.graph.nodes[0].inputs[2]
    wild = np.full(16, 2**31 - 1, np.int32)
    net.graph.tensors[bias] = replace(net.graph.tensors[bias], constant=wild)
    net.conv(5, dead=0, bounds=Bounds())
    assert narrow(net)[0] == (1, 2, 2, 16)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rounding=st.sampled_from(["fixed", "float"]))
def test_no_bit_changes_in_any_chain(seed, rounding):
    rng = np.random.default_rng(seed)
    net = Net(seed, rounding, (1, 5, 6, 3))
    for _ in range(rng.integers(1, 5)):
        m, bias = int(rng.integers(8, 30)), int(rng.integers(-5, 30))
        match rng.integers(4):
            case 0:
                net.depthwise(zero=int(rng.integers(-128, 0)))
            case 1:
                net.node(MaxPool(Window((2, 2), pad=(1, 1))), net.graph.tensors[net.last].shape, zero=_zero(net))
            case _:
                kernel = int(rng.choice([1, 3]))
                net.conv(m, int(rng.integers(0, m + 1)), kernel=kernel, pad=kernel // 2, bias=bias)
    net.conv(4, dead=0, bounds=Bounds())
    narrow(net)


def _zero(net: Net) -> int:
    return int(net.graph.tensors[net.last].quantization.zero_point[0])
