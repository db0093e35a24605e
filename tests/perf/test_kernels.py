"""How many multiplications a second the kernels do by themselves, packing, rounding and all: of matrices and windows
of usual sizes, in both flavours, with and without the deadline checks of an edge host."""

import time

import numpy as np
import pytest
from tests.engine import plans
from tests.engine.plans import Layer, Window

from edgefn.engine.standalone import Runner

pytestmark = pytest.mark.perf

HEADER = ("kernel", "shape", "simd128", "with epochs", "relaxed-simd", "with epochs ")
ROUNDS = 300
SHAPES = ((80, 80, 32, 16), (20, 20, 128, 128), (10, 10, 256, 256), (6, 6, 256, 1152))  # height, width, M, C


def _values(rng, dtype, shape):
    return rng.integers(-9, 10, shape).astype(dtype)


def _layer(dtype, m: int) -> Layer:
    if dtype == np.float32:
        return Layer(np.zeros(m, np.float32), 0.0, 6.0)
    return Layer(np.zeros(m, np.int32), -128, 127, np.full(m, 0.01, np.float32), 3, -128)


def pointwise(dtype, h, w, m, c):
    rng = np.random.default_rng(1)
    x, weights = _values(rng, dtype, (1, h, w, c)), _values(rng, dtype, (m, 1, 1, c))
    return plans.conv2d(x, weights, Window(), (h, w), _layer(dtype, m)), [x], h * w * m * c


def depthwise(dtype, h, w, m, _):
    rng = np.random.default_rng(2)
    x, weights = _values(rng, dtype, (1, h, w, m)), _values(rng, dtype, (3, 3, m))
    window = Window(3, 3, pad_top=1, pad_left=1)
    return plans.depthwise(x, weights, window, (h, w), _layer(dtype, m)), [x], h * w * m * 9


def three_by_three(dtype, h, w, m, _):
    """As many input channels as output channels."""
    rng = np.random.default_rng(3)
    x, weights = _values(rng, dtype, (1, h, w, m)), _values(rng, dtype, (m, 3, 3, m))
    return plans.winograd(x, weights, (1, 1), (h, w), _layer(dtype, m)), [x], h * w * m * m * 9


def least(plan, inputs, flavour, epochs, rounds):
    """Seconds of the plan's only op, without the call."""
    with Runner(plan, flavour, epochs=epochs) as runner:
        runner.write(inputs)
        times, calls = [], []
        for _ in range(rounds):
            started = time.perf_counter()
            runner.run_op(0)
            between = time.perf_counter()
            runner.run_nothing(0)
            times.append(between - started)
            calls.append(time.perf_counter() - between)
        return max(min(times) - min(calls), 1e-9)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))
@pytest.mark.parametrize("dtype", [np.float32, np.int8], ids=["f32", "i8"])
@pytest.mark.parametrize("kernel", [pointwise, depthwise, three_by_three], ids=lambda kernel: kernel.__name__)
@pytest.mark.benchmark(group="kernels")
def test_kernel(benchmark, line, kernel, dtype, shape):
    plan, inputs, macs = kernel(dtype, *shape)
    ways = [(flavour, epochs) for flavour in ("simd128", "relaxed-simd") for epochs in (False, True)]

    rounds = ROUNDS if benchmark.enabled else 1

    def measure():
        return [macs / least(plan, inputs, *way, rounds) / 1e9 for way in ways]

    found = benchmark.pedantic(measure, rounds=1)
    name = f"{kernel.__name__.replace('_', ' ')} {'f32' if dtype == np.float32 else 'i8'}"
    h, w, m, c = shape
    described = f"{h}x{w}, {c if kernel is pointwise else m} to {m}"
    line(HEADER, (name, described, *(f"{g:.1f}" for g in found)))
    assert all(g > 0 for g in found)
