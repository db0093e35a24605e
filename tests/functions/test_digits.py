"""The digits model is what its card says, and its samples are what its data says."""

import base64
import hashlib
import json
import tomllib
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import version_converter
from onnx.reference import ReferenceEvaluator

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "models" / "digits"
SAMPLES = sorted((ROOT / "functions" / "digits" / "samples").glob("*.json"))


@pytest.fixture(scope="module")
def card():
    return tomllib.loads((MODEL / "card.toml").read_text())


@pytest.fixture(scope="module")
def held():
    return np.load(MODEL / "heldout.npz")


def labels(model, pixels):
    # The evaluator knows QuantizeLinear from opset 19 on.
    evaluator = ReferenceEvaluator(version_converter.convert_version(onnx.load(MODEL / model), 19))
    return np.array(
        [evaluator.run(None, {"image": x.reshape(1, 1, 8, 8)})[0].argmax() for x in pixels.astype(np.float32)]
    )


def test_the_card_names_every_file_with_its_digest(card):
    written = {f["name"]: (f["bytes"], f["sha256"]) for f in card["files"]}
    found = {p.name: p.read_bytes() for p in MODEL.iterdir() if p.suffix in {".onnx", ".npz"}}
    assert written == {name: (len(content), hashlib.sha256(content).hexdigest()) for name, content in found.items()}


def test_the_held_out_images_are_a_quarter_with_every_digit_alike(held):
    assert held["images"].shape == (450, 8, 8)
    assert held["images"].dtype == np.uint8
    assert held["images"].max() == 16
    assert np.bincount(held["labels"]).min() >= 43
    assert np.bincount(held["labels"]).max() <= 46


@pytest.mark.parametrize(
    ("model", "metric"), [("digits-f32.onnx", "float_accuracy"), ("digits-int8.onnx", "int8_accuracy")]
)
def test_a_model_is_as_accurate_on_held_out_images_as_its_card_says(card, held, model, metric):
    right = np.mean(labels(model, held["images"] / 16) == held["labels"])
    assert right == pytest.approx(card["metrics"][metric], abs=5e-5)
    assert right >= 0.975


def test_the_int8_model_keeps_to_the_quantization_it_promises():
    graph = onnx.load(MODEL / "digits-int8.onnx").graph
    constants = {c.name: onnx.numpy_helper.to_array(c) for c in graph.initializer}
    weights = [v for k, v in constants.items() if k.endswith("_w_q")]
    assert len(weights) == 5
    assert all(w.dtype == np.int8 and w.min() >= -127 for w in weights)
    assert all(v.dtype == np.int32 for k, v in constants.items() if k.endswith("_b_q"))
    assert all(not v.any() for k, v in constants.items() if k.endswith(("_w_zero", "_b_zero")))
    activations = [constants[n.input[2]] for n in graph.node if n.op_type == "QuantizeLinear"]
    assert all(z.dtype == np.int8 and z.ndim == 0 for z in activations)


def test_a_held_out_image_as_png_reads_the_same_in_dark_and_in_light_ink(held, picture, png):
    chosen = held["images"][::3]
    grey = [bytes(int(v) * 255 // 16 for v in image.flat) for image in chosen]
    light = np.array([picture._ink(png.Image(8, 8, g)) for g in grey])
    dark = np.array([picture._ink(png.Image(8, 8, bytes(255 - v for v in g))) for g in grey])
    assert np.abs(light - dark).max() < 1e-6
    assert np.mean(labels("digits-int8.onnx", light) == held["labels"][::3]) >= 0.96


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
def test_a_sample_is_answered_as_it_expects(path, picture):
    sample = json.loads(path.read_text())
    request = sample["request"]
    body = (
        (path.parent / request["body_file"]).read_bytes()
        if "body_file" in request
        else base64.b64decode(request["body_base64"])
    )
    kind = dict(request["headers"])["content-type"]
    if sample["expect"]["status"] == 400:
        with pytest.raises(picture.Refused):
            picture.read(body, kind)
        return
    said = labels("digits-int8.onnx", np.array([picture.read(body, kind)]))[0]
    assert said == sample["expect"]["json"]["label"]
