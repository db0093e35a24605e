"""An op writes its result and its own working memory, and nothing else."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefn.engine.library import FLAVOURS
from edgefn.engine.standalone import Runner
from edgefn.graph.plan import read_plan
from edgefn.graph.reference import Machine

from . import plans
from .test_fixed_point import described
from .test_hostile_plans import samples
from .test_products import DTYPES, QUICK, geometries, layer, values

UNTOUCHED = 0xEE


def own(plan) -> np.ndarray:
    """Which bytes of the arena belong to the only op of a plan: its result and its scratch."""
    (op,), machine = plan.ops, Machine(plan)
    mine = np.zeros(plan.arena_bytes, bool)
    y = machine.tensor(op, "y")
    mine[y.offset : y.offset + y.nbytes] = True
    if op.code.scratch is not None:
        mine[op["scratch"] : op["scratch"] + op.code.scratch(machine, op)] = True
    return mine


def hold(blob: bytes, inputs) -> None:
    plan = read_plan(blob)
    mine = own(plan)
    for flavour in FLAVOURS:
        with Runner(blob, flavour) as runner:
            start = runner._arena
            runner._write(start, bytes([UNTOUCHED]) * plan.arena_bytes)
            runner.write(inputs)
            before = np.frombuffer(runner._read(start, plan.arena_bytes), np.uint8)
            runner.run_all()
            after = np.frombuffer(runner._read(start, plan.arena_bytes), np.uint8)
        touched = np.nonzero((before != after) & ~mine)[0]
        assert touched.size == 0, f"{plan.ops[0].code.name} wrote at {touched[:8]} of {plan.arena_bytes}"


@DTYPES
@QUICK
@given(geometry=geometries(), c=st.integers(1, 6), m=st.integers(1, 20), seed=st.integers(0, 2**32 - 1))
def test_a_convolution_keeps_to_its_memory(dtype, geometry, c, m, seed):
    window, (n, h, w), out = geometry
    rng = np.random.default_rng(seed)
    x, weights = values(rng, dtype, (n, h, w, c)), values(rng, dtype, (m, window.kh, window.kw, c), -127)
    plan = plans.conv2d(x, weights, window, out, layer(rng, dtype, m, weights[0].size))
    hold(described(plan), [x])


@DTYPES
@pytest.mark.parametrize("kernel", [(3, 1), (3, 3), (16, 1), (2, 5)])
def test_a_convolution_of_short_rows_keeps_to_its_memory(dtype, kernel):
    """Rows of fewer than 16 bytes are gathered by vectors, which write beyond them."""
    rng = np.random.default_rng(3)
    x, weights = values(rng, dtype, (1, 30, 28, 1)), values(rng, dtype, (8, *kernel, 1), -127)
    out = (31 - kernel[0], 29 - kernel[1])
    plan = plans.conv2d(x, weights, plans.Window(*kernel), out, layer(rng, dtype, 8, weights[0].size))
    hold(described(plan), [x])


@DTYPES
@QUICK
@given(geometry=geometries(), c=st.integers(1, 37), seed=st.integers(0, 2**32 - 1))
def test_a_depthwise_convolution_keeps_to_its_memory(dtype, geometry, c, seed):
    window, (n, h, w), out = geometry
    rng = np.random.default_rng(seed)
    x, weights = values(rng, dtype, (n, h, w, c)), values(rng, dtype, (window.kh, window.kw, c), -127)
    plan = plans.depthwise(x, weights, window, out, layer(rng, dtype, c, window.kh * window.kw))
    hold(described(plan), [x])


def fields(plan: bytes) -> tuple[int, int, int]:
    """How many ops, inputs and outputs a plan has."""
    ops, _, inputs, outputs = struct.unpack_from("<4I", plan, 32)
    return ops, inputs, outputs


ALONE = [plan for plan in samples() if fields(plan)[0] == fields(plan)[2] == 1]


@pytest.mark.parametrize("sample", ALONE, ids=lambda plan: f"code {plan[int.from_bytes(plan[24:28], 'little')]}")
def test_every_op_keeps_to_its_memory(sample):
    blob = described(sample, fields(sample)[1])
    plan = read_plan(blob)
    hold(blob, [np.zeros(plan.tensors[i].nbytes, np.uint8) for i in plan.inputs])


@DTYPES
@pytest.mark.parametrize(("n", "out", "m"), [(1, (5, 7), 9), (3, (1, 1), 8), (2, (10, 12), 17)])
def test_tiles_keep_to_their_memory(dtype, n, out, m):
    rng = np.random.default_rng(m)
    x, w = values(rng, dtype, (n, *out, 8)), values(rng, dtype, (m, 3, 3, 8), -127)
    hold(described(plans.winograd(x, w, (1, 1), out, layer(rng, dtype, m, w[0].size))), [x])
