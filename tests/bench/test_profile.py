"""`edgefn model profile`: where the time of a model goes."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgefn.bench import profile
from edgefn.bench.profile import profile_model
from edgefn.graph.compiler import compile_model, read_model


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(profile, "SECONDS", 0.05)


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_every_op_has_its_layer_its_time_and_what_it_costs(digits_model):
    found = profile_model(digits_model, "simd128")
    named = {op.name: op for op in found.ops}
    assert [op.op for op in found.ops][:2] == ["quantize_f32_i8", "conv2d_i8"]
    assert (named["conv7"].macs, named["conv7"].shape, named["conv7"].dtype) == (147_456, (1, 4, 4, 32), "i8")
    assert named["conv7"].weights_bytes > named["conv0"].weights_bytes > 0
    assert 0 < named["conv7"].least <= named["conv7"].ms
    assert named["conv7"].gmacs == pytest.approx(147_456 / named["conv7"].ms / 1e6)
    assert named["scores"].gmacs is None
    assert (found.inputs, found.rounds >= profile.LEAST) == ("made up", True)


def test_shares_and_kinds_add_up(digits_model):
    found = profile_model(digits_model, "simd128")
    assert sum(op.share for op in found.ops) == pytest.approx(1)
    assert sum(kind.ms for kind in found.kinds) == pytest.approx(found.total)
    kinds = {kind.name: kind.ops for kind in found.kinds}
    assert (kinds["conv2d"], kinds["winograd"], kinds["quantize"], kinds["average_pool"]) == (2, 1, 1, 1)
    assert [k.ms for k in found.kinds] == sorted((k.ms for k in found.kinds), reverse=True)


def test_a_plan_is_profiled_as_its_model_is(digits_model, tmp_path):
    path = tmp_path / "digits.plan"
    path.write_bytes(compile_model(read_model(digits_model), name="digits").plan)
    of_plan, of_model = profile_model(path, "relaxed-simd", epochs=True), profile_model(digits_model, "simd128")
    assert [(op.name, op.macs, op.live_bytes) for op in of_plan.ops] == [
        (op.name, op.macs, op.live_bytes) for op in of_model.ops
    ]
    assert (of_plan.flavour, of_plan.epochs) == ("relaxed-simd", True)


def test_the_sizes_of_open_dimensions_come_from_the_inputs_or_are_given(tmp_path):
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 4]) for n in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y])
    path = tmp_path / "open.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    for name in ("x", "in/0/x", "in/0/0"):
        cases = save(tmp_path / "c.npz", **{name: np.zeros((6, 4), np.float32)})
        assert profile_model(path, "simd128", inputs=cases).ops[0].shape == (6, 4)
    assert profile_model(path, "simd128", dims={"n": 3}).ops[0].shape == (3, 4)


def test_the_command_prints_a_table_or_json_and_writes_a_page(edgefn, digits_model, tmp_path):
    page = tmp_path / "pages" / "digits.html"
    done = edgefn("model", "profile", digits_model, "--html", page)
    assert done.returncode == 0, done.stderr
    assert "conv7" in done.stdout
    assert "by kind: winograd" in done.stdout
    assert "conv7" in page.read_text()
    assert list(page.parent.iterdir()) == [page]
    status, said = edgefn.json("model", "profile", digits_model, "--html", page)
    assert (status, len(said["ops"]), said["macs"]) == (0, 10, 199_936)
    assert said["kinds"][0]["name"]


@pytest.mark.parametrize(
    ("target", "reason"),
    [(".", "it is a folder"), ("file/page.html", "is no folder"), ("file", "not made by edgefn")],
)
def test_a_page_that_cannot_be_written_is_refused_before_anything_is_measured(
    edgefn, digits_model, tmp_path, target, reason
):
    (tmp_path / "file").write_text("mine")
    done = edgefn("model", "profile", digits_model, "--html", target, cwd=tmp_path)
    assert (done.returncode, "EFN-U044" in done.stderr, reason in done.stderr) == (2, True, True)
    assert done.stdout == ""
    assert (tmp_path / "file").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (["missing.onnx"], 3, "EFN-M002"),
        (["text.onnx"], 3, "EFN-M003"),
        (["MODEL", "--inputs", "missing.npz"], 2, "EFN-U040"),
        (["MODEL", "--inputs", "objects.npz"], 2, "EFN-U040"),
        (["MODEL", "--inputs", "other.npz"], 2, "EFN-U041"),
        (["MODEL", "--inputs", "shape.npz"], 2, "EFN-U042"),
        (["MODEL", "--flavour", "avx"], 2, "EFN-U031"),
        (["MODEL", "--dim", "n"], 2, "EFN-U043"),
    ],
)
def test_what_cannot_be_profiled_is_one_clear_error(edgefn, digits_model, tmp_path, arguments, status, code):
    (tmp_path / "text.onnx").write_text("no model")
    save(tmp_path / "objects.npz", image=np.array([{}], object))
    save(tmp_path / "other.npz", picture=np.zeros((1, 1, 8, 8), np.float32))
    save(tmp_path / "shape.npz", image=np.zeros((1, 64), np.float32))
    words = [str(digits_model) if word == "MODEL" else word for word in arguments]
    done = edgefn("model", "profile", *words, "--json", cwd=tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (status, False)
    said = json.loads(done.stdout)["error"]
    assert said["code"] == code
    assert said["hint"]


@pytest.mark.parametrize("taken", [True, False])
def test_ops_that_a_run_leaves_out_take_no_time(choosing, tmp_path, taken):
    given = save(tmp_path / "c.npz", p=np.array(taken), x=np.ones((4, 256), np.float32))
    times = {op.name: op.ms for op in profile_model(choosing(), "simd128", inputs=given).ops}
    assert (times["yes layer"] > 0, times["no layer"] > 0) == (taken, not taken)
