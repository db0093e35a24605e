import numpy as np
import pytest

from edgefn.errors import ModelError
from edgefn.graph.compiler import compile_model, inspect_model, read_model
from edgefn.graph.importers.source import SourcePort
from edgefn.graph.plan import read_plan


def _convnet(model):
    m = model()
    x = m.node("Relu", m.node("Conv", m.input("x", (1, 3, 8, 8)), m.random(4, 3, 3, 3), m.random(4), name="stem"))
    m.output(m.node("Gemm", m.node("Flatten", m.node("GlobalAveragePool", x)), m.random(4, 5), name="head"))
    return m


def test_the_same_model_gives_the_same_bytes(model, compiled):
    first, second = compiled(_convnet(model)), compiled(_convnet(model))
    assert first == second
    assert len(first.digest) == 64


def test_another_name_gives_another_plan(model, compiled):
    assert compiled(_convnet(model), "a").digest != compiled(_convnet(model), "b").digest


def test_a_summary_says_what_the_model_costs(model, tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(_convnet(model).proto().SerializeToString())
    summary = inspect_model(read_model(path))
    assert (summary.name, summary.format, summary.version, summary.supported) == ("net", "onnx", 19, True)
    assert summary.inputs == (SourcePort("x", "f32", (1, 3, 8, 8)),)
    assert summary.params == 4 * 27 + 4 + 20
    assert summary.macs == 36 * 4 * 27 + 20
    by_name = {op.name: op for op in summary.ops}
    assert by_name["stem"].shape == (1, 6, 6, 4)
    assert by_name["stem"].weights_bytes == 8 * 27 * 4 + 32
    assert by_name["head"].op == "dense_f32"
    assert summary.arena_bytes > 0
    assert summary == compile_model(read_model(path), name="net").summary


def test_an_unsupported_model_can_be_inspected_and_says_why(model, tmp_path):
    m = _convnet(model)
    m.output(m.node("Det", m.node("DFT", "x", name="wave")))
    path = tmp_path / "net.onnx"
    path.write_bytes(m.proto().SerializeToString())
    summary = inspect_model(read_model(path))
    assert not summary.supported
    assert summary.unsupported == ("op DFT (node 'wave')", "op Det (node '-> t6_0')")
    assert [op.op for op in summary.ops][:2] == ["Conv", "Relu"]
    assert summary.arena_bytes == 0


def test_an_unsupported_form_can_be_inspected_and_says_why(model, tmp_path):
    m = model()
    m.output(m.node("Conv", m.input("x", (1, 4, 4, "w")), m.random(4, 4, 1, 1)))
    path = tmp_path / "net.onnx"
    path.write_bytes(m.proto().SerializeToString())
    summary = inspect_model(read_model(path))
    assert "leaves dimension 3 (w) open" in summary.unsupported[0]
    assert summary.inputs[0].shape == (1, 4, 4, "w")


def test_ports_keep_the_layout_of_the_user(model, compiled):
    m = model()
    y = m.node("Conv", m.input("x", (1, 3, 8, 8)), m.random(4, 3, 3, 3))
    m.output(m.node("Relu", y))
    m.output(m.node("Flatten", y))
    meta = read_plan(compiled(m).plan).meta
    assert [p["layout"] for p in meta["inputs"] + meta["outputs"]] == ["NCHW", "NCHW", None]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"nothing\.onnx cannot be read") as error:
        compile_model(read_model(tmp_path / "nothing.onnx"), name="x")
    assert error.value.code == "EFN-M002"


def test_a_model_that_needs_too_much_memory_is_refused(model, compiled):
    m = model()
    x = m.input("x", (1, 1, 8192, 8192))
    y = m.node("Conv", x, m.constant(np.ones((2, 1, 1, 1), np.float32)))
    m.output(m.node("Conv", y, m.constant(np.ones((2, 2, 1, 1), np.float32))))
    with pytest.raises(ModelError, match="bytes of memory to run") as error:
        compiled(m)
    assert error.value.code == "EFN-M008"
