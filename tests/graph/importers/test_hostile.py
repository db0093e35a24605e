"""Files that are not what they should be: only clear errors come out, in bounded time."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper
from tests.fuzz.campaign import made, meet

from edgefn.errors import EdgefnError, ModelError
from edgefn.graph.compiler import compile_model, inspect_model, read_model

SLOW = settings(max_examples=200, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def small(model) -> bytes:
    m = model()
    x = m.qdq(m.input("image", (1, 3, 6, 6)), 0.02, 120)
    y = m.qdq(m.node("Conv", x, m.weights((4, 3, 3, 3)), m.random(4), pads=[1, 1, 1, 1]), 0.03, 10)
    pooled = m.node("MaxPool", y, kernel_shape=[2, 2], strides=[2, 2])
    shape = m.node("Concat", m.node("Constant", value_ints=[1]), m.constant(np.array([-1])), axis=0)
    m.output(m.node("Softmax", m.node("Gemm", m.node("Reshape", pooled, shape), m.random(36, 5), m.random(5))))
    return m.proto().SerializeToString()


def _compile(data: bytes, folder: Path) -> None:
    path = folder / "hostile.onnx"
    path.write_bytes(data)
    for use in (lambda: compile_model(read_model(path), name="hostile"), lambda: inspect_model(read_model(path))):
        try:
            use()
        except EdgefnError as error:
            assert error.hint  # noqa: PT017 -- a mutation may also be harmless
            assert error.code.startswith("EFN-M0")  # noqa: PT017


@pytest.mark.parametrize(
    ("data", "looks"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"PK\x03\x04" + bytes(64), "a zip archive"),
        (b"\x89HDF\r\n", "an HDF5 file"),
        (b"EFNP" + bytes(96), "a compiled plan"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"hello, I am no model\n", "text"),
    ],
)
def test_a_foreign_file_is_named_for_what_it_looks_like(tmp_path, data, looks):
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=looks) as error:
        compile_model(read_model(path), name="x")
    assert error.value.code == "EFN-M003"
    assert str(path) in error.value.message


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "model.onnx"
    with path.open("wb") as file:
        file.truncate((256 << 20) + 1)
    with pytest.raises(ModelError, match="more than 268,435,456 bytes") as error:
        compile_model(read_model(path), name="x")
    assert error.value.code == "EFN-M001"


def test_a_truncated_file_is_refused_at_every_length(small, tmp_path):
    for length in range(0, len(small), 7):
        _compile(small[:length], tmp_path)


@given(st.data())
@SLOW
def test_mutated_bytes_give_a_model_or_a_clear_error(small, tmp_path, data):
    mutated = bytearray(small)
    for _ in range(data.draw(st.integers(1, 6))):
        mutated[data.draw(st.integers(0, len(small) - 1))] = data.draw(st.integers(0, 255))
    _compile(bytes(mutated), tmp_path)


def test_mutated_fields_give_a_plan_that_runs_or_a_clear_error(small, sanitized_engine):
    report = meet("onnx", made("onnx", 1, range(300), [small]), [sanitized_engine("simd128")])
    assert report.findings == []
    assert report.engine["ran"] > 10


@given(st.binary(max_size=200))
@SLOW
def test_random_bytes_give_a_clear_error(tmp_path, data):
    _compile(data, tmp_path)


def test_weights_in_another_file_are_refused_without_looking(model, compiled):
    m = model()
    m.output(m.node("MatMul", m.input("x", (1, 4)), m.random(4, 4)))
    proto = m.proto()
    tensor = proto.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    with pytest.raises(ModelError, match="stored in another file") as error:
        compiled(proto)
    assert error.value.code == "EFN-M005"


@pytest.mark.parametrize("dims", [(1 << 40,), (-3,), (4096, 4096, 4096), (1,) * 7])
def test_dimensions_beyond_all_bounds_are_refused(model, compiled, dims):
    m = model()
    m.output(m.node("Relu", m.input("x", (1, 4))))
    proto = m.proto()
    tensor = numpy_helper.from_array(np.ones(1, np.float32), "w")
    tensor.dims[:] = dims
    proto.graph.initializer.append(tensor)
    with pytest.raises(ModelError) as error:
        compiled(proto)
    assert error.value.code == "EFN-M008"


@pytest.mark.parametrize("dims", [(1, 1 << 30), (1, 1 << 20, 1 << 20), (0, 4)])
def test_an_input_beyond_all_bounds_is_refused(model, compiled, dims):
    m = model()
    m.output(m.node("Relu", m.input("x", dims)))
    with pytest.raises(ModelError) as error:
        compiled(m)
    assert error.value.code == "EFN-M008"


def test_a_constant_that_would_fill_the_memory_is_refused(model, compiled):
    m = model()
    big = m.node("ConstantOfShape", m.constant(np.array([1 << 20, 1 << 20])))
    m.output(m.node("Add", m.input("x", (1, 4)), big))
    with pytest.raises(ModelError, match="ConstantOfShape") as error:
        compiled(m)
    assert error.value.code == "EFN-M006"


def test_a_node_that_reads_what_nothing_computes_is_malformed(model, compiled):
    m = model()
    m.input("x", (1, 4))
    m.output(m.node("Relu", "later"))
    with pytest.raises(ModelError, match="reads 'later', which nothing before it computes") as error:
        compiled(m)
    assert error.value.code == "EFN-M006"


def test_a_constant_without_a_value_is_malformed(model, compiled):
    m = model()
    m.nodes.append(helper.make_node("Constant", [], ["c"], value_ints=[1]))
    m.nodes[0].attribute[0].type = onnx.AttributeProto.GRAPH
    m.output(m.node("Add", m.input("x", (1, 4)), "c"))
    with pytest.raises(ModelError) as error:
        compiled(m)
    assert error.value.code == "EFN-M006"


@pytest.mark.parametrize("c", [np.ones((3, 4), np.int64), np.ones((2, 4), np.float32)])
def test_a_gemm_that_adds_what_does_not_fit_is_refused(model, compiled, c):
    m = model()
    m.output(m.node("Gemm", m.input("x", (3, 7)), m.random(7, 4), m.constant(c)))
    with pytest.raises(ModelError) as error:
        compiled(m)
    assert error.value.code in {"EFN-M006", "EFN-M011"}


@pytest.mark.parametrize(
    ("op", "attributes"), [("Softmax", {"axis": 0}), ("Concat", {"axis": 0}), ("Squeeze", {"axes": [0]})]
)
def test_a_scalar_has_no_axis(model, compiled, op, attributes):
    m = model(opset=11)
    m.output(m.node(op, m.input("x", ()), **attributes))
    with pytest.raises(ModelError, match="axis 0 of a tensor of rank 0") as error:
        compiled(m)
    assert error.value.code == "EFN-M006"


def test_two_nodes_with_one_output_are_malformed(model, compiled):
    m = model()
    x = m.input("x", (1, 4))
    y = m.output(m.node("Relu", x))
    m.nodes.append(helper.make_node("Relu", [x], [y]))
    with pytest.raises(ModelError, match="no name of its own"):
        compiled(m)


def test_an_opset_from_the_future_is_refused(model, compiled):
    m = model(opset=999)
    m.output(m.node("Relu", m.input("x", (1, 4))))
    with pytest.raises(ModelError, match="uses opset 999"):
        compiled(m)


def test_a_long_chain_compiles_in_bounded_time(model, compiled):
    m = model()
    x = m.input("x", (1, 4, 4, 4))
    for i in range(600):
        op = ("Relu", "Transpose", "MaxPool")[i % 3]
        kind = {"Transpose": {"perm": [0, 2, 3, 1]}, "MaxPool": {"kernel_shape": [1, 1]}}.get(op, {})
        x = m.node(op, x, **kind)
    m.output(x)
    assert compiled(m).summary.ops


def test_a_node_that_becomes_too_many_is_refused(model, compiled, monkeypatch):
    monkeypatch.setattr("edgefn.graph.importers.builder.MAX_EMITTED", 8)
    m = model()
    m.output(m.node("MaxPool", m.input("x", (1, 1, 40, 40)), name="pool", kernel_shape=[9, 9], dilations=[2, 2]))
    with pytest.raises(ModelError, match="with 'pool' the model has 9 steps, at most 8 are made") as error:
        compiled(m)
    assert error.value.code == "EFN-M008"


def _pool(m):
    return m.node("AveragePool", m.input("x", (1, 1, 1, 1 << 24)), kernel_shape=[1, 4096], dilations=[1, 2])


def _causal(m):
    q, k = m.input("q", (1, 1, 1 << 20, 1)), m.input("k", (1, 1, 1 << 20, 1))
    return m.node("Attention", q, k, k, is_causal=1)


def _one_way(m):
    x = m.input("x", (1, 1 << 20, 3))
    kind = {"domain": "com.microsoft", "num_heads": 1, "unidirectional": 1}
    return m.node("Attention", x, m.random(3, 3), m.random(3), **kind)


def _one_hot(m):
    m.input("x", (1,))
    depth, values = m.constant(np.int64(10**12)), m.constant(np.array([0, 1], np.float32))
    return m.node("OneHot", m.constant(np.zeros(0, np.int64)), depth, values)


@pytest.mark.parametrize("build", [_pool, _causal, _one_way, _one_hot])
def test_an_array_that_a_few_bytes_make_vast_is_refused_before_it_is_made(model, compiled, build):
    m = model(opset=23)
    m.output(build(m))
    with pytest.raises(ModelError) as error:
        compiled(m)
    assert error.value.code in {"EFN-M006", "EFN-M008"}
