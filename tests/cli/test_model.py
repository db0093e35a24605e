import json

import pytest

from edgefn.engine.standalone import Runner
from edgefn.graph.plan import read_plan


def test_inspect_shows_ports_ops_and_costs(edgefn, digits_model):
    status, said = edgefn.json("model", "inspect", digits_model)
    assert status == 0
    assert said["inputs"] == [{"name": "image", "dtype": "f32", "shape": [1, 1, 8, 8], "labels": []}]
    assert said["macs"] == 199_936
    assert "conv2d_i8" in {node["op"] for node in said["nodes"]}
    assert "199,936" in edgefn("model", "inspect", digits_model).stdout


def test_compile_writes_a_plan_that_runs(edgefn, digits_model, tmp_path):
    status, said = edgefn.json("model", "compile", digits_model, "-o", tmp_path / "digits.plan")
    assert status == 0
    plan = (tmp_path / "digits.plan").read_bytes()
    assert len(plan) == said["nbytes"]
    assert len(read_plan(plan).outputs) == 1
    with Runner(plan) as runner:
        assert len(runner.run([bytes(256)])[0]) == 40


def test_compile_writes_a_module_that_needs_nothing(edgefn, digits_model, tmp_path):
    from wasmtime import Engine, Module

    assert (
        edgefn("model", "compile", digits_model, "-o", tmp_path / "digits.wasm", "--flavour", "relaxed-simd").returncode
        == 0
    )
    module = Module.from_file(Engine(), str(tmp_path / "digits.wasm"))
    assert module.imports == []
    assert (tmp_path / "digits.wasm").stat().st_size < 200_000


def test_compile_writes_a_javascript_wrapper_and_its_types_beside_a_module(edgefn, digits_model, tmp_path):
    status, said = edgefn.json("model", "compile", digits_model, "-o", tmp_path / "digits.wasm", "--js")
    assert (status, said["wrapper"]) == (0, [str(tmp_path / "digits.js"), str(tmp_path / "digits.d.ts")])
    assert "export async function load" in (tmp_path / "digits.js").read_text()
    assert '"image": Float32Array' in (tmp_path / "digits.d.ts").read_text()
    again = edgefn("model", "compile", digits_model, "-o", tmp_path / "digits.wasm", "--js")
    assert again.returncode == 0
    assert f"with {tmp_path / 'digits.js'}" in again.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["digits.d.ts", "digits.js", "digits.wasm"]


def test_a_wrapper_replaces_no_file_of_somebody_elses(edgefn, digits_model, tmp_path):
    (tmp_path / "digits.js").write_text("export {};\n")
    done = edgefn("model", "compile", digits_model, "-o", tmp_path / "digits.wasm", "--js")
    assert done.returncode == 2
    assert str(tmp_path / "digits.js") in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["digits.js"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "x.txt"], "x.txt"),
        (["-o", "x.wasm", "--flavour", "avx"], "avx"),
        (["-o", "x.plan", "--js"], "add: -o x.wasm"),
        (["--js"], "digits-int8.wasm"),
    ],
)
def test_compile_refuses_what_it_cannot_write(edgefn, digits_model, tmp_path, arguments, said):
    done = edgefn("model", "compile", digits_model, *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_unsupported_op_is_refused_with_its_node_and_what_is_supported(edgefn, tmp_path):
    import onnx
    from onnx import TensorProto, helper

    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 4]) for n in "xy")
    graph = helper.make_graph([helper.make_node("StringConcat", ["x", "x"], ["y"], name="odd_one")], "g", [x], [y])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), tmp_path / "odd.onnx")
    done = edgefn("model", "compile", tmp_path / "odd.onnx")
    assert done.returncode == 3
    assert "StringConcat" in done.stderr
    assert "odd_one" in done.stderr
    assert "Conv" in done.stderr
    status, said = edgefn.json("model", "inspect", tmp_path / "odd.onnx")
    assert (status, said["supported"]) == (3, False)
    assert "StringConcat" in json.dumps(said["unsupported"])
