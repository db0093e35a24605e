"""Real TFLite files, against the table of their operators that lies beside them."""

import re
from collections import Counter
from pathlib import Path

import pytest

from edgefn.graph.importers.tflite.file import TfliteModel, read_file

NAMES = [
    "ad_autoencoder_f32",
    "ad_autoencoder_int8",
    "dtln_denoise_int8",
    "hello_sine_int8",
    "ic_resnet8_int8",
    "kws_dscnn_int8",
    "mnist_lstm_int8",
    "mp_face_detection_f16",
    "mp_hand_landmark_lite_f16",
    "mww_hey_jarvis_int8",
    "vww_mobilenetv1_f32",
    "vww_mobilenetv1_int8",
]


def _model(real_models: Path, name: str) -> TfliteModel:
    path = real_models / "open" / f"{name}.tflite"
    return read_file(path.read_bytes(), path)


def test_every_file_that_is_there_is_read_here(real_models):
    assert sorted(p.stem for p in (real_models / "open").glob("*.tflite")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_operators_are_those_of_the_table(real_models, name):
    table = (real_models / "MODELS.md").read_text().partition("## Op types per model")[2]
    row = re.search(rf"^- \*\*{name}\*\*: (.*)$", table, re.MULTILINE)
    assert row, "the table has no such model"
    wanted = {op: int(count) for op, count in re.findall(r"(\w+)x(\d+)(?:,|$)", row[1])}
    assert Counter(op.op for s in _model(real_models, name).subgraphs for op in s.ops) == wanted


@pytest.mark.parametrize("name", NAMES)
def test_what_operators_read_is_an_input_or_was_made_before(real_models, name):
    for subgraph in _model(real_models, name).subgraphs:
        constant = {i for i, t in enumerate(subgraph.tensors) if t.constant is not None or t.is_variable}
        known = {-1, *subgraph.inputs, *constant}
        for op in subgraph.ops:
            assert set(op.inputs) <= known, op.op
            known.update(op.outputs)
        assert set(subgraph.outputs) <= known


def test_a_keyword_model_has_its_input_quantized_as_published(real_models):
    main = _model(real_models, "kws_dscnn_int8").subgraphs[0]
    image = main.tensors[main.inputs[0]]
    assert (image.name, image.dtype, image.shape) == ("input_1", "i8", (1, 49, 10, 1))
    assert image.quantization.scales[0] == pytest.approx(0.584703, abs=1e-6)
    assert image.quantization.zero_points.tolist() == [83]
    first = main.ops[0]
    assert (first.options["stride_h"], first.options["padding"]) == (2, "SAME")
    weights = main.tensors[first.inputs[1]]
    assert weights.quantization.scales.shape == (weights.shape[weights.quantization.axis],)


def test_a_streaming_model_keeps_its_state_in_variables(real_models):
    model = _model(real_models, "mww_hey_jarvis_int8")
    names = {op.options["shared_name"] for s in model.subgraphs for op in s.ops if op.op == "VAR_HANDLE"}
    assert len(names) == 6
    (once,) = (op for op in model.subgraphs[0].ops if op.op == "CALL_ONCE")
    assert once.options == {"init_subgraph_index": 1}
    assert model.signatures[0].inputs == {"input_audio": model.subgraphs[0].inputs[0]}


def test_an_int8_lstm_brings_the_quantization_of_what_it_computes_inside(real_models):
    main = _model(real_models, "mnist_lstm_int8").subgraphs[0]
    (lstm,) = (op for op in main.ops if op.op == "UNIDIRECTIONAL_SEQUENCE_LSTM")
    assert len(lstm.intermediates) == 5
    state = [main.tensors[i] for i in lstm.inputs if i >= 0 and main.tensors[i].is_variable]
    assert [t.dtype for t in state] == ["i8", "i16"]
    assert lstm.options["fused_activation_function"] == "TANH"
