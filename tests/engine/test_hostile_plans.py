"""efn_open meets bytes that nobody meant: it refuses them, or they run inside their memory; it never traps."""

import struct
import zlib
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgefn.graph.ops import BY_CODE

from . import plans
from .cornered import Cornered
from .plan_builder import PlanBuilder
from .plans import Columns, Layer, Matrices, Window
from .test_tree_ensemble import random_forest

MANY = settings(max_examples=400, deadline=None)
BORDERLINE = [0, 1, 2, 4, 16, 64, 127, 128, 255, 4096, 4097, 65535, 2**16, 2**28, 2**30, 2**31 - 1, 2**31, 2**32 - 1]


def _quantized_samples() -> list[bytes]:
    """The q8 codes."""
    x, w = np.full((1, 5, 6, 9), 7, np.int8), np.full((3, 3, 2, 9), 3, np.int8)
    pairs = {"mult": np.full(9, 2**30 + 5, np.int32), "shift": np.full(9, -4, np.int32)}
    after = Layer(np.zeros(9, np.int32), -128, 127, **pairs)
    few = Layer(after.bias[:3], -128, 127, after.mult[:3], shift=after.shift[:3])
    exact = Layer(after.bias[:3], -128, 127, np.full(3, 0.1))
    window = Window(3, 2, 1, 2, 1, 1, 1, 0)
    return [
        plans.conv2d(x, w, window, (5, 3), few),
        plans.depthwise(x, w[0], window, (5, 3), after),
        plans.winograd(x[..., :8], np.full((3, 3, 3, 8), 3, np.int8), (1, 0), (5, 5), few),
        plans.dense(x[0, 0], w[:, 0, 0], exact),
        plans.unary(27, x, "int8", (1, 5, 3, 9), 2, 2, 1, 2, 1, 0, -128, 127),
        plans.add(63, x, x[0, 0, 0], 2**22, 2**21, -(2**24), 22, -128, 127, constant=True),
        plans.softmax_q8(x, np.full(256, 2**31 - 1, np.int32)),
        plans.many(60, [x, x[:, :1]], "int8", x.shape, 2, *(2**30, -1) * 3, 0, 0, 0, -128, 127),
        plans.many(60, [x, x[0, 0]], "int8", x.shape, 3, *(2**30, -1) * 3, 0, 0, 0, -128, 127),
        plans.unary(62, x, "int8", x.shape, 3),
        plans.unary(61, x, "int8", (1, 9), 30, 9, 2**30, -4, 3, 5),
    ]


def _heads() -> bytes:
    """A product of two heads that lie between each other."""
    x = np.ones((5, 2, 3), np.float32)
    read, back = Matrices((0, 0, 0, 3), 6, 1), Matrices((0, 0, 0, 3), 1, 6)
    return plans.matmul(x, x, (1, 1, 1, 2), (5, 5, 3), (read, back, Matrices((0, 0, 0, 5), 10, 1)), (5, 2, 5), 0.5)


def _dynamic_samples() -> list[bytes]:
    """Dynamic quantization."""
    x = np.full((5, 7), 3, np.int8)
    weights = Columns(np.full((9, 7), 5, np.int8), np.zeros(9, np.int32), np.array([[8, 6, 1]]), 1)
    after, ones = Layer(np.zeros(9, np.float32)), np.ones(9, np.float32)
    return [
        plans.dynamic_quantize(np.ones((3, 5), np.float32)),
        plans.dense_dynamic(x, np.ones(2, np.float32), weights, after, ones),
        plans.dense_integer(x, weights),
    ]


def _recurrent_samples() -> list[bytes]:
    of = {g: plans.Recurrence(*(np.ones(n, np.float32) for n in ((3, 2, g, 9), (2, 9), (g, 9, 9)))) for g in (1, 3, 4)}
    some = np.ones((3, 9), np.float32)
    return [
        plans.lstm(of[4], some[:2], some),
        plans.gru(of[3], some[0], linear=False),
        plans.rnn(of[1], 1),
        plans.lstm_q8(np.ones((2, 2, 5), np.int8), 9, clip=9000),
    ]


@cache
def samples() -> tuple[bytes, ...]:
    """One small plan of every kind of op."""
    rng = np.random.default_rng(0)
    made = []
    for dtype in (np.float32, np.int8):
        x = rng.integers(-9, 9, (1, 5, 6, 9)).astype(dtype)
        w = rng.integers(-9, 9, (3, 3, 2, 9)).astype(dtype)
        i8 = dtype == np.int8
        mult = np.full(9, 0.1, np.float32)
        ends = (-128, 127) if i8 else (-np.inf, np.inf)
        after = Layer(np.zeros(9, np.int32 if i8 else dtype), *ends, mult)
        few = Layer(after.bias[:3], *ends, mult[:3])
        window = Window(3, 2, 1, 2, 1, 1, 1, 0)
        made.append(plans.conv2d(x, w, window, (5, 3), few))
        made.append(plans.depthwise(x, w[0], window, (5, 3), after))
        made.append(plans.dense(x[0, 0], w[:, 0, 0], few))
        made.append(plans.conv2d(x[..., :8], w[..., :8], Window(3, 2), (3, 5), few))
        made.append(plans.conv2d(x, w, Window(3, 2, 2, 1, 1, 2, 2, 1), (3, 6), few))
        made.append(plans.winograd(x[..., :8], np.resize(w, (3, 3, 3, 8)), (1, 0), (5, 5), few))
        pool = (2, 2, 1, 2, 1, 0)
        made.append(plans.unary(12 if i8 else 11, x, x.dtype.name, (1, 5, 3, 9), *pool))
        quantized = (0, 0.5, 0, -128, 127) if i8 else ()
        made.append(plans.unary(10 if i8 else 9, x, x.dtype.name, (1, 5, 3, 9), *pool, 0, *quantized))
        added = (0.5, 0.5, 0, 0, 0, -128, 127) if i8 else (0.0, 1.0)
        made.append(plans.add(8 if i8 else 7, x, x[0, 0, 0], *added, constant=True))
    made += _quantized_samples()
    x = np.ones((2, 3, 5), np.float32)
    made.append(plans.unary(15, x, "float32", x.shape))
    made.append(plans.unary(20, x, "float32", (5, 2, 3), 2, 0, 1, 0, 0, 0))
    made.append(plans.concat([x, x], 1))
    made.append(plans.unary(16, x, "int8", x.shape, 1.0, 0))
    made.append(plans.unary(22, x, "float32", (30,)))
    made += [plans.unary(30, x, "float32", x.shape, f, 0.5, -0.5) for f in (6, 11, 17, 27)]
    made += [plans.accumulate(x), plans.skipping(x, 1, 2)]
    made += _recurrent_samples()
    made.append(_heads())
    made.append(plans.tree_ensemble(x, random_forest(rng, 6, 5, 3)))
    made.append(plans.coupling(x[0, :, :3], 3))
    made += [plans.many(31, [x, x[:, :1]], "float32", x.shape, f) for f in (0, 7, 8)]
    made.append(plans.many(31, [x[0], x], "uint8", x.shape, 15))
    made.append(plans.many(32, [np.ones((3, 5), np.uint8), x, x[:1]], "float32", x.shape))
    made += [plans.unary(37, x, "float32", (2, 5), f, 3, 5) for f in (0, 9)]
    made.append(plans.unary(37, x, "float32", (2, 3), 2, 5, 1))
    made.append(plans.unary(38, x, "int32", (2, 5), 0, 1, 3, 5))
    made += [plans.unary(33, x, dtype, x.shape) for dtype in ("int8", "int32")]
    made.append(plans.lookup(np.ones((3, 5), np.int8), np.arange(256).astype(np.uint8)))
    made.append(plans.unary(34, x, "float32", (2, 3, 2), 4, *(1, 1, 1, 2, 3, 2), *(0, 0, 0, 15, 5, -2)))
    made.append(plans.unary(35, x, "float32", (2, 7, 6), *(0, 3, 1, 0, 0, 0), 0x3F800000))
    made.append(plans.gather(x, np.array([[1, -1], [2**31 - 1, 0]], np.int32), 1, (2, 2, 2, 5)))
    made += _dynamic_samples()
    made.append(plans.layer_norm(x, x[0, 0], x[0, 1], 1e-5, 1))
    made.append(plans.bilinear(np.ones((1, 2, 3, 9), np.int8), *[np.array([[0, 1, 512], [1, 1, 9]], np.int32)] * 2))
    made.append(plans.unary(51, x, "int32", (2, 3, 2), 1))
    made.append(plans.resample(x, np.array([[0, 1], [2, 2]], np.int32), np.ones((2, 2), np.float32), 1))
    made += _small_samples()
    return tuple(made)


def _small_samples() -> list[bytes]:
    x, q = np.ones((2, 3, 5), np.float32), np.ones((2, 3, 5), np.int8)
    return [
        *(plans.matmul_q8(q, q, plans.Product(2, 3, 3, 5, 15, 15, 1, 5, by)) for by in (0.01, (2**30, -5))),
        plans.unary(13, x, "float32", x.shape, 0.0, 6.0),
        plans.unary(14, q, "int8", q.shape, -5, 5, in_place=True),
        plans.unary(17, q, "float32", q.shape, 0.5, 3),
        plans.unary(18, q, "int8", q.shape, 0.5, 3, -3),
        plans.unary(19, q, "uint8", q.shape),
    ]


def codes_of(plan: bytes) -> set[int]:
    at, words, count = struct.unpack_from("<III", plan, 24)
    stream, codes = struct.unpack_from(f"<{words}I", plan, at), set()
    for _ in range(count):
        codes.add(stream[0] & 0xFFFF)
        stream = stream[1 + (stream[0] >> 16) :]
    return codes


def survives(plan: bytes) -> int:
    """Open `plan` and, when it is accepted, run it both ways; the status."""
    cornered = Cornered(plan)
    if cornered.status == 0:
        cornered.run(0)
        cornered.run(1)
    return cornered.status


def sealed(plan: bytearray) -> bytes:
    """With a right checksum, as an attacker would."""
    plan[12:16] = struct.pack("<I", zlib.crc32(plan[16:]))
    return bytes(plan)


def test_every_code_has_a_sample():
    assert set().union(*map(codes_of, samples())) == set(BY_CODE)


@pytest.mark.parametrize("index", range(len(samples())))
def test_a_plan_with_its_input_at_the_very_end_of_memory_runs_without_reading_past_it(index):
    assert survives(samples()[index]) == 0


@pytest.mark.parametrize("index", [0, 7, 14])
def test_every_truncation_is_refused(index):
    plan = samples()[index]
    for length in range(0, len(plan), 7):
        assert Cornered(plan[:length]).status != 0


@MANY
@given(data=st.data())
def test_a_mutated_word_is_refused_or_runs_inside_its_memory(data):
    plan = bytearray(data.draw(st.sampled_from(samples())))
    tables = struct.unpack_from("<I", plan, 48)[0]  # everything in front of the weights
    for _ in range(data.draw(st.integers(1, 3))):
        at = 4 * data.draw(st.integers(1, tables // 4 - 1))
        old = struct.unpack_from("<I", plan, at)[0]
        near = [(old + d) % 2**32 for d in (-16, -8, -1, 1, 8, 16)]
        new = data.draw(st.one_of(st.sampled_from(BORDERLINE), st.sampled_from(near), st.integers(0, 2**32 - 1)))
        struct.pack_into("<I", plan, at, new)
    survives(sealed(plan))


@settings(max_examples=100, deadline=None)
@given(noise=st.binary(max_size=300))
def test_noise_is_refused(noise):
    assert Cornered(noise).status != 0
    assert Cornered(samples()[0][:96] + noise).status != 0


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 1), (4, 0)])
def test_another_version_is_refused(version):
    plan = bytearray(samples()[0])
    struct.pack_into("<HH", plan, 4, *version)
    assert Cornered(bytes(plan)).status == 4


@pytest.mark.parametrize(
    ("state", "status"),
    [((16, 16), 0), ((8, 16), 5), ((16, 8), 5), ((64, 0), 5), ((32, 16), 5), ((16, 2**32 - 16), 5)],
)
def test_a_state_that_does_not_fit_arena_and_weights_is_refused(state, status):
    plan = bytearray(plans.add(7, *(np.ones(8, np.float32),) * 2, -1.0, 1.0, constant=True))
    struct.pack_into("<II", plan, 68, *state)
    assert survives(sealed(plan)) == status


@pytest.mark.parametrize(("expected", "count"), [(2, 1), (0, 0), (0, 3), (1, 2**32 - 1)])
def test_a_skip_beyond_the_last_op_is_refused(expected, count):
    assert Cornered(plans.skipping(np.ones(4, np.float32), expected, count)).status == 12


def test_an_output_on_top_of_its_input_is_refused_unless_the_op_can_run_in_place():
    x = np.ones((1, 4, 4, 8), np.float32)
    assert survives(plans.unary(13, x, "float32", x.shape, 0.0, 1.0, in_place=True)) == 0
    assert Cornered(plans.unary(11, x, "float32", x.shape, *(1, 1, 1, 1, 0, 0), in_place=True)).status == 15


def test_scratch_memory_on_top_of_an_operand_is_refused():
    b = PlanBuilder()
    x, y = b.tensor("float32", (1, 2, 2, 8)), b.tensor("float32", (1, 2, 2, 8))
    b.reserve(256)
    w, bias = b.constant(np.ones((1, 8), np.float32)), b.constant(np.ones(8, np.float32))
    b.op(3, x, w, bias, y, *Window().words, -1.0, 1.0, 128)
    assert Cornered(b.build([x], [y])).status == 15


@pytest.mark.parametrize(("low", "high"), [(1.0, 0.0), (float("nan"), 1.0)])
def test_an_empty_clamp_is_refused(low, high):
    x = np.ones(4, np.float32)
    assert Cornered(plans.unary(13, x, "float32", (4,), low, high)).status == 12


@pytest.mark.parametrize("opcode", [0, 29, 0xFFFF])
def test_an_unknown_opcode_is_refused(opcode):
    assert Cornered(plans.unary(opcode, np.ones(4, np.float32), "float32", (4,))).status == 9
