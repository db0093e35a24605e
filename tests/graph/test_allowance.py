"""A small file does not become a large plan, and does not fill the memory on its way."""

import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgefn.errors import ModelError
from edgefn.graph.allowance import LEAST, LOOKS, TIMES, Allowance
from edgefn.graph.compiler import ModelFile, compile_model


def _refused(use: Callable[[], object]) -> None:
    """It is refused, and takes little memory until then."""
    tracemalloc.start()
    try:
        with pytest.raises(ModelError, match="what the model computes of its constants") as error:
            use()
        assert error.value.code == "EFN-M008"
        assert tracemalloc.get_traced_memory()[1] < 4 * LEAST
    finally:
        tracemalloc.stop()


def _compile(model: Any) -> bytes:
    """The plan of bytes, or of an ONNX model under construction."""
    data = model if isinstance(model, bytes) else model.proto().SerializeToString()
    return compile_model(ModelFile(Path("vast"), data, "0" * 64), name="vast").plan


def test_what_lies_in_a_file_and_views_of_what_was_counted_cost_nothing():
    allowance = Allowance(0)
    made = np.zeros(LEAST, np.uint8)
    allowance.count(np.frombuffer(bytes(2 * LEAST), np.uint8).reshape(2, LEAST))
    allowance.count(made)
    allowance.count(made.reshape(2, -1)[1])
    assert not allowance.affords((1,))
    with pytest.raises(ModelError):
        allowance.count(np.zeros(1))


def test_a_larger_file_may_make_more():
    assert Allowance(1000).affords((LEAST // 4 + TIMES * 250,))
    assert not Allowance(1000).affords((LEAST // 4 + TIMES * 250 + 1,))
    assert Allowance().affords((2**40,))


def test_passes_may_look_at_so_many_elements():
    allowance = Allowance(1000)
    assert allowance.look(LOOKS)
    assert not allowance.look(1)


def test_products_of_vast_activations_compile_soon(model):
    m = model()
    m.output(m.node("MatMul", m.input("a", (4,)), m.input("b", (2, 4, 1 << 24))))
    started = time.process_time()
    assert _compile(m)
    assert time.process_time() - started < 2


def test_a_normalization_of_vast_rows_takes_no_vectors_of_their_size(model):
    m = model()
    x = m.input("x", (1, 2, 1 << 22, 3))
    m.output(m.node("InstanceNormalization", x, m.random(2), m.random(2)))
    assert len(_compile(m)) < 10_000


@pytest.mark.parametrize("op", ["ConstantOfShape", "Expand", "Tile", "Range", "OneHot"])
def test_a_constant_that_a_few_bytes_make_vast_is_refused(model, op):
    m, vast = model(), np.array(1 << 23)
    one, shape = m.constant(np.ones(1, np.float32)), m.constant(vast.reshape(1))
    inputs = {
        "ConstantOfShape": (shape,),
        "Expand": (one, shape),
        "Tile": (one, shape),
        "Range": (m.constant(np.array(0)), m.constant(vast), m.constant(np.array(1))),
        "OneHot": (m.constant(np.zeros(1 << 10, np.int64)), m.constant(vast // 1024), m.constant(np.array([0, 1]))),
    }[op]
    made = m.node("Cast", m.node(op, *inputs), to=1)
    m.output(m.node("Add", m.input("x", (1,)), m.node("ReduceMax", made, keepdims=0)))
    _refused(lambda: _compile(m))


def test_a_resize_to_millions_of_columns_is_refused(model):
    m = model()
    sizes = m.constant(np.array([1, 1, 2, 1 << 22]))
    m.output(m.node("Resize", m.input("x", (1, 1, 2, 2)), "", "", sizes, mode="linear"))
    _refused(lambda: _compile(m))


def test_groups_that_only_vast_weights_could_compute_together_are_refused(model):
    m = model()
    groups, depth = 67, 128  # a prime number, and more than can be computed apart
    x = m.input("x", (1, groups * depth, 5, 5))
    m.output(m.node("Conv", x, m.random(groups, depth, 5, 5), group=groups))
    _refused(lambda: _compile(m))


def test_copies_of_a_constant_that_differ_are_refused_when_they_become_many(model):
    m = model()
    x, w = m.input("x", (1, 256)), m.random(256, 256)
    for i in range(200):
        x = m.node("MatMul", x, m.node("Mul", w, m.constant(np.float32(i + 1))))
    m.output(x)
    _refused(lambda: _compile(m))


def test_a_constant_of_many_layers_is_packed_once_and_kept_once(model):
    m = model()
    x, w = m.input("x", (1, 256)), m.random(256, 256)
    for _ in range(200):
        x = m.node("MatMul", x, w)
    m.output(x)
    tracemalloc.start()
    try:
        assert len(_compile(m)) < 2 * 256 * 256 * 4
        assert tracemalloc.get_traced_memory()[1] < 4 * LEAST
    finally:
        tracemalloc.stop()


def test_a_tflite_constant_that_a_few_bytes_make_vast_is_refused(writer):
    w, shape = writer, (1 << 12, 1 << 12)
    for name in ("x", "made", "y"):
        w.tensor(name, shape)
    w.op("ZEROS_LIKE", [0], [1])
    w.op("ADD", [0, 1], [2], "AddOptions")
    w.subgraph([0], [2])
    data = w.data()
    _refused(lambda: _compile(data))
