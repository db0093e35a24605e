"""`edgefn model compare`: how far two models are apart, and from which layer on."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edgefn.bench import compare
from edgefn.bench.cases import Archive
from edgefn.bench.compare import compare_models
from edgefn.bench.difference import Meter
from edgefn.bench.feeding import feed
from edgefn.bench.matching import match_layers
from edgefn.bench.subject import open_subject
from edgefn.errors import UsageError

PLAIN = ("simd128", "simd128")


@pytest.fixture(scope="module")
def floats(digits_model):
    return digits_model.with_name("digits-f32.onnx")


@pytest.fixture(scope="module")
def samples(digits_model, tmp_path_factory):
    images = np.load(digits_model.with_name("heldout.npz"))["images"][:4].reshape(4, 1, 1, 8, 8).astype(np.float32) / 16
    path = tmp_path_factory.mktemp("samples") / "digits.npz"
    np.savez(path, **{f"in/{i}/image": image for i, image in enumerate(images)})
    return path


def changed(source, path, layer, change):
    """The model with `change` made to the weights of a layer."""
    model = onnx.load(source)
    (node,) = [n for n in model.graph.node if n.name == layer]
    (weights,) = [i for i in model.graph.initializer if i.name == node.input[1]]
    value = change(numpy_helper.to_array(weights).copy())
    weights.CopyFrom(numpy_helper.from_array(value, weights.name))
    onnx.save(model, path)
    return path


def test_a_quantized_model_is_near_the_one_in_floats_layer_by_layer(floats, digits_model, samples):
    found = compare_models((floats, digits_model), samples, PLAIN)
    assert (found.cases, found.threshold, found.parted) == (4, compare.QUANTIZED, None)
    assert [(layer.name, layer.a_op, layer.b_op) for layer in found.layers][:2] == [
        ("conv0", "conv2d_f32", "conv2d_i8"),
        ("depthwise2", "depthwise_f32", "depthwise_i8"),
    ]
    assert found.unmatched == (0, 2)
    (scores,) = found.outputs
    assert (scores.name, scores.agreement) == ("scores", 1.0)
    assert 0 < scores.difference.rmse <= scores.difference.largest < 0.01
    assert scores.difference.cosine > 0.999


def test_two_models_part_at_the_layer_that_differs(floats, samples, tmp_path):
    def damage(weights):
        weights[0] *= 3
        return weights

    other = changed(floats, tmp_path / "damaged.onnx", "conv4", damage)
    found = compare_models((floats, other), samples, PLAIN)
    assert found.layers[found.parted].name == "conv4"
    assert [layer.difference.largest for layer in found.layers[: found.parted]] == [0.0] * found.parted
    assert found.threshold == compare.ALIKE


def test_integers_are_the_same_in_both_flavours_op_by_op(digits_model, samples):
    found = compare_models((digits_model, digits_model), samples, ("simd128", "relaxed-simd"))
    assert [(layer.a, layer.b) for layer in found.layers] == [(i, i) for i in range(10)]
    assert [layer.difference.largest for layer in found.layers[:9]] == [0.0] * 9
    assert (found.unmatched, found.parted) == ((0, 0), None)


def test_ops_that_a_run_leaves_out_are_not_compared(choosing, tmp_path):
    np.savez(tmp_path / "c.npz", p=np.array(True), x=np.ones((4, 256), np.float32))
    found = compare_models((choosing("a.onnx"), choosing("b.onnx", no=7)), tmp_path / "c.npz", PLAIN)
    cosines = {layer.name: layer.difference.cosine for layer in found.layers}
    assert cosines["yes layer"] == pytest.approx(1)
    assert cosines["no layer"] is None
    assert found.parted is None


def test_a_threshold_of_nothing_parts_at_the_first_difference(floats, digits_model, samples):
    assert compare_models((floats, digits_model), samples, PLAIN, threshold=0.0).parted == 0


def test_results_that_would_not_fit_in_memory_are_left_out(floats, samples, monkeypatch):
    monkeypatch.setattr(compare, "MAX_HELD", 5_000)
    found = compare_models((floats, floats), samples, PLAIN)
    assert found.layers[0].difference.cosine == pytest.approx(1)
    assert found.layers[1].difference.cosine is None
    assert found.outputs[0].difference.cosine == pytest.approx(1)


def test_layers_of_other_names_are_found_by_what_they_return(floats, digits_model):
    a, b = open_subject(floats), open_subject(digits_model)
    nameless = replace(b, layers=tuple(replace(layer, name=f"{i}", output="") for i, layer in enumerate(b.layers)))
    assert match_layers(a, nameless) == ((7, 9),)


def test_of_layers_of_one_name_and_shape_the_last_ones_are_a_pair(floats, digits_model):
    a, b = open_subject(floats), open_subject(digits_model)
    named = [replace(s, layers=tuple(replace(layer, name="x", output="") for layer in s.layers)) for s in (a, b)]
    shapes = [[s.plan.tensors[op["y"]].dims for op in s.plan.ops] for s in (a, b)]
    pairs = match_layers(*named)
    assert pairs[:2] == ((0, 1), (1, 2))
    assert all(shapes[0][i] == shapes[1][j] for i, j in pairs)


def test_layers_of_one_name_and_another_shape_are_no_pair(floats, digits_model):
    a, b = open_subject(floats), open_subject(digits_model)
    alike = replace(b, layers=tuple(replace(layer, name="conv4", output="") for layer in b.layers))
    assert (2, 3) in match_layers(a, alike)
    assert len(match_layers(a, alike)) == 2  # and the output


def test_a_quantized_input_gets_the_samples_of_a_real_one_and_the_other_way_round(floats):
    a = open_subject(floats)
    (index,) = a.plan.inputs
    integers = replace(a.plan.tensors[index], dtype="i8", nbytes=64, scale=0.5, zero_point=-10)
    b = replace(a, plan=replace(a.plan, tensors=(*a.plan.tensors[:index], integers, *a.plan.tensors[index + 1 :])))
    image = np.linspace(-100, 100, 64, dtype=np.float32).reshape(1, 1, 8, 8)
    (((real,), (steps,)),) = feed(Archive(floats, {"image": image}), a, b)
    np.testing.assert_array_equal(real, image)
    np.testing.assert_array_equal(steps, np.clip(np.rint(image / 0.5) - 10, -128, 127).astype(np.int8))
    (((back,), (kept,)),) = feed(Archive(floats, {"image": steps}), a, b)
    np.testing.assert_array_equal(kept, steps)
    np.testing.assert_array_equal(back, ((steps.astype(np.float32) + 10) * 0.5))


def test_ports_of_another_layout_are_turned(floats):
    a = open_subject(floats)
    (index,) = a.plan.inputs
    dims = (1, 8, 8, 1)
    tensors = list(a.plan.tensors)
    tensors[index] = replace(tensors[index], dims=dims)
    meta = {**a.plan.meta, "inputs": [{"name": "x", "layout": "NHWC"}]}
    b = replace(a, plan=replace(a.plan, tensors=tuple(tensors), meta=meta))
    layouts = {**a.plan.meta, "inputs": [{"name": "image", "layout": "NCHW"}]}
    a = replace(a, plan=replace(a.plan, meta=layouts))
    image = np.arange(64, dtype=np.float32).reshape(1, 1, 8, 8)
    ((_, (other,)),) = feed(Archive(floats, {"image": image}), a, b)
    np.testing.assert_array_equal(other, image.transpose(0, 2, 3, 1))


def test_models_of_other_shapes_or_types_cannot_be_compared(floats):
    a = open_subject(floats)
    (index,) = a.plan.inputs
    for change, said in [({"dims": (1, 64)}, "of shape"), ({"dtype": "u8", "nbytes": 64}, "without scales")]:
        tensors = list(a.plan.tensors)
        tensors[index] = replace(tensors[index], **change)
        b = replace(a, plan=replace(a.plan, tensors=tuple(tensors)))
        with pytest.raises(UsageError, match=said) as caught:
            feed(Archive(floats, {"image": np.zeros((1, 1, 8, 8), np.float32)}), a, b)
        assert caught.value.code == "EFN-U045"


def test_infinities_and_no_numbers_count_where_only_one_side_has_them():
    meter = Meter()
    meter.add(np.array([np.inf, np.nan, 1, 2, np.inf]), np.array([np.inf, np.nan, 1, 3, 0]))
    found = meter.difference
    assert (found.largest, found.odd) == (1, 1)
    assert found.exceeds(1e9)


def test_nothing_against_nothing_is_no_difference():
    meter = Meter()
    meter.add(np.zeros(3), np.zeros(3))
    assert (meter.difference.relative, meter.difference.cosine, meter.difference.exceeds(0)) == (None, None, False)
    meter.add(np.zeros(3), np.ones(3))
    assert meter.difference.exceeds(0)


def test_the_command_prints_outputs_layers_and_a_verdict_or_json(edgefn, floats, digits_model, samples):
    done = edgefn("model", "compare", floats, digits_model, "--samples", samples, "--against", "relaxed-simd")
    assert done.returncode == 0, done.stderr
    assert "digits-int8 (relaxed-simd)" in done.stdout
    assert "no layer parts" in done.stdout
    status, said = edgefn.json("model", "compare", floats, digits_model, "--samples", samples, "--threshold", "0")
    assert (status, said["parted"], said["layers"][0]["parts"]) == (0, 0, True)
    assert (
        "they part at conv0"
        in edgefn("model", "compare", floats, digits_model, "--samples", samples, "--threshold", "0").stdout
    )


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (["MODEL", "missing.onnx", "--samples", "SAMPLES"], 3, "EFN-M002"),
        (["text.onnx", "MODEL", "--samples", "SAMPLES"], 3, "EFN-M003"),
        (["MODEL", "MODEL", "--samples", "missing.npz"], 2, "EFN-U040"),
        (["MODEL", "MODEL", "--samples", "text.onnx"], 2, "EFN-U040"),
        (["MODEL", "MODEL", "--samples", "other.npz"], 2, "EFN-U041"),
        (["MODEL", "MODEL", "--samples", "SAMPLES", "--against", "avx"], 2, "EFN-U031"),
        (["MODEL", "MODEL", "--samples", "SAMPLES", "--threshold", "nan"], 2, "EFN-U046"),
        (["MODEL", "MODEL", "--samples", "SAMPLES", "--threshold=-1"], 2, "EFN-U046"),
    ],
)
def test_what_cannot_be_compared_is_one_clear_error(edgefn, digits_model, samples, tmp_path, arguments, status, code):
    (tmp_path / "text.onnx").write_text("no model")
    np.savez(tmp_path / "other.npz", picture=np.zeros((1, 1, 8, 8), np.float32))
    known = {"MODEL": str(digits_model), "SAMPLES": str(samples)}
    done = edgefn("model", "compare", *(known.get(word, word) for word in arguments), "--json", cwd=tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (status, False)
    said = json.loads(done.stdout)["error"]
    assert said["code"] == code
    assert said["hint"]
