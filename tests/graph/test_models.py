"""Real models against the outputs of ONNX Runtime and TFLite's reference kernels that lie beside them."""

from pathlib import Path

import numpy as np
import pytest

from edgefn.bench.cases import load_cases
from edgefn.engine.library import FLAVOURS
from edgefn.engine.standalone import Runner
from edgefn.graph.compiler import compile_model, read_model
from edgefn.graph.plan import read_plan
from edgefn.graph.reference import evaluate


@pytest.fixture(scope="module")
def models(real_models) -> Path:
    return real_models / "open"


@pytest.fixture(scope="module")
def run(models):
    def run(name: str, index: int):
        compiled = compile_model(read_model(models / f"{name}.onnx"), name=name)
        with np.load(models / f"{name}.npz") as data:
            inputs = [data[f"in/{index}/input"]]
            wanted = {k: data[k] for k in data.files if f"/{index}/" in k}
        return compiled, inputs, evaluate(read_plan(compiled.plan), inputs), wanted

    return run


@pytest.mark.parametrize("index", range(6))
def test_ultraface_in_floats_agrees_with_onnx_runtime(run, index):
    _, _, (scores, boxes), wanted = run("ultraface_rfb320_f32", index)
    np.testing.assert_allclose(scores, wanted[f"out/{index}/scores"], atol=2e-6)
    np.testing.assert_allclose(boxes, wanted[f"out/{index}/boxes"], rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("index", [0, 1, 2, 4, 5])
def test_ultraface_in_int8_gives_the_boxes_of_onnx_runtime_bit_for_bit(run, index):
    """Both compute the exact sum and round it once; input 3, up to four steps apart, is held by the next test only."""
    _, _, (scores, boxes), wanted = run("ultraface_rfb320_qdq_int8", index)
    np.testing.assert_array_equal(boxes, wanted[f"out/{index}/boxes"])
    # ONNX Runtime's softmax works on a table of integers: one step of 1/255.
    np.testing.assert_allclose(scores, wanted[f"out/{index}/scores"], atol=1.01 / 255)


@pytest.mark.parametrize("index", range(6))
def test_ultraface_in_int8_stays_near_the_unfused_model(run, index):
    """The unfused model rounds f32 sums, the fused one exact ones: single steps differ and add up over 50 layers."""
    _, _, (scores, boxes), wanted = run("ultraface_rfb320_qdq_int8", index)
    box_step = 0.048895605
    difference = np.abs(boxes - wanted[f"out_noopt/{index}/boxes"])
    assert difference.max() < 5.5 * box_step
    assert difference.mean() < 0.2 * box_step
    assert np.abs(scores - wanted[f"out_noopt/{index}/scores"]).max() < 0.06


@pytest.mark.parametrize("name", ["ultraface_rfb320_f32", "ultraface_rfb320_qdq_int8"])
def test_the_engine_computes_what_the_reference_does(run, name):
    compiled, inputs, wanted, _ = run(name, 0)
    with Runner(compiled.plan, "simd128") as runner:
        found = runner.run([x.tobytes() for x in inputs])
    for f, w in zip(found, wanted, strict=True):
        np.testing.assert_allclose(np.frombuffer(f, np.float32), w.ravel(), rtol=1e-6, atol=1e-7)


def test_ultraface_in_int8_runs_on_i8_from_end_to_end(run):
    compiled, *_ = run("ultraface_rfb320_qdq_int8", 0)
    floats = [o.op for o in compiled.summary.ops if o.dtype == "f32"]
    assert sorted(floats) == [*["dequantize_i8_f32"] * 3, "softmax_f32"]
    assert compiled.summary.macs == 100_418_560


@pytest.fixture
def outputs(models):
    """What the engine computes of a TFLite model, and what lies beside it, one pair of arrays an output."""

    def run(name: str, flavour: str):
        plan = compile_model(read_model(models / f"{name}.tflite"), name=name).plan
        with np.load(models / f"{name}.npz") as data, Runner(plan, flavour) as runner:
            indices = sorted({key.split("/")[1] for key in data.files if key.startswith("in/")})
            assert len(indices) > 2
            for index in indices:
                for k, found in enumerate(runner.run([data[f"in/{index}/0"]])):
                    wanted = data[f"out/{index}/{k}"]
                    yield np.frombuffer(found, wanted.dtype).reshape(wanted.shape), wanted

    return run


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize(
    "name",
    [
        *("ad_autoencoder", "dtln_denoise", "hello_sine", "ic_resnet8", "kws_dscnn"),
        *("mnist_lstm", "mww_hey_jarvis", "vww_mobilenetv1"),
    ],
)
def test_tflite_models_in_int8_agree_with_the_reference_kernels_bit_for_bit(outputs, name, flavour):
    for found, wanted in outputs(f"{name}_int8", flavour):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("name", "atol"), [("vww_mobilenetv1_f32", 1e-6), ("ad_autoencoder_f32", 1e-4), ("mp_face_detection_f16", 5e-4)]
)
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_tflite_models_in_floats_agree_with_the_reference_kernels(outputs, name, atol, flavour):
    """simd128 adds in the order of the reference kernels: not one bit differs but in softmax; relaxed-simd may fuse."""
    exact = flavour == "simd128" and name != "vww_mobilenetv1_f32"
    for found, wanted in outputs(name, flavour):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=0 if exact else atol)


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize(
    ("name", "atol"),
    [
        ("eeg_seizure_bilstm_f32", 5e-6),
        ("silero_vad_op18_ifless", 5e-6),
        # ONNX Runtime is up to 6.1e-5 and 2.7e-5 away from an evaluation in f64; the engine 3.2e-5 and 1.5e-6.
        ("ppocr_v6_det_tiny_f32", 9e-5),
        ("magika_v3_3_f32", 3e-5),
    ],
)
def test_models_in_floats_agree_with_onnx_runtime(models, name, atol, flavour):
    archive = load_cases(models / f"{name}.npz")
    file = read_model(models / f"{name}.onnx")
    plan = compile_model(file, name=name, shapes=archive.shapes).plan
    with Runner(plan, flavour) as runner:
        for case in archive.cases(read_plan(plan)):
            for found, wanted in zip(runner.run(case.inputs), case.wanted, strict=True):
                np.testing.assert_allclose(np.frombuffer(found, np.float32), wanted.ravel(), rtol=1e-5, atol=atol)


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize(
    ("name", "atol"), [("tab_rf100_breastcancer", 1e-6), ("tab_scaler_mlp_digits", 2e-6)], ids=["forest", "perceptron"]
)
def test_models_of_scikit_learn_give_the_classes_and_probabilities_of_onnx_runtime(models, name, atol, flavour):
    """Case by case, the last one being a batch of 64. ONNX Runtime adds votes of trees up in f32, the plan in f64."""
    plan = compile_model(read_model(models / f"{name}.onnx"), name=name).plan
    with np.load(models / f"{name}.npz") as data, Runner(plan, flavour) as runner:
        for index in range(7):
            label, probabilities = runner.run([data[f"in/{index}/X"]])
            np.testing.assert_array_equal(np.frombuffer(label, np.int32), data[f"out/{index}/label"])
            wanted = data[f"out/{index}/probabilities"]
            np.testing.assert_allclose(np.frombuffer(probabilities, np.float32), wanted.ravel(), atol=atol)


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("index", range(6))
def test_a_dynamically_quantized_transformer_agrees_with_onnx_runtime(models, index, flavour):
    """As it runs unfused, that is; fused, it lies 0.0097 from itself in case 2.

    Both round activations to integers on their way, so that one last bit of a float may move a whole step. In case 5
    one of 11,520 integers of the third layer is such a tie.
    """
    file = read_model(models / "minilm_l6_int8.onnx")
    with np.load(models / "minilm_l6_int8.npz") as data:
        inputs = {port: data[f"in/{index}/{port}"] for port in ("input_ids", "attention_mask", "token_type_ids")}
        wanted = data[f"out_noopt/{index}/sentence_embedding"]
    plan = compile_model(file, name="minilm", shapes={port: x.shape for port, x in inputs.items()}).plan
    with Runner(plan, flavour) as runner:
        (found,) = runner.run([x.astype(np.int32) for x in inputs.values()])
    np.testing.assert_allclose(np.frombuffer(found, np.float32), wanted[0], atol=0.012 if index == 5 else 1e-7)


def test_a_dynamically_quantized_transformer_keeps_its_integers(models):
    """Embeddings are gathered in u8, 36 layers multiply i8, and heads are nowhere transposed."""
    file = read_model(models / "minilm_l6_int8.onnx")
    compiled = compile_model(file, name="minilm", dims={"seq": 8})
    ops = [op.op for op in compiled.summary.ops]
    assert ops.count("dense_dynamic") == 36
    assert ops.count("dynamic_quantize_f32_i8") == 24
    assert not {"transpose", "strided", "copy"} & set(ops)
    tables = [
        plan.tensors[op["x"]] for plan in [read_plan(compiled.plan)] for op in plan.ops if op.code.name == "gather"
    ]
    assert {t.dtype for t in tables} == {"u8"}
    assert len(compiled.plan) < 23_000_000


def test_a_model_with_a_choice_leaves_out_what_the_other_branch_needs(models):
    name, archive = "silero_vad_op18_ifless", load_cases(models / "silero_vad_op18_ifless.npz")
    file = read_model(models / f"{name}.onnx")
    plan = read_plan(compile_model(file, name=name, shapes=archive.shapes).plan)
    assert sum(op["count"] for op in plan.ops if op.code.skips) > 0.9 * len(plan.ops)
