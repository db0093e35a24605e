"""Files of another kind than the one a reader wants."""

from pathlib import Path

import pytest

from edgefn.errors import ModelError
from edgefn.graph.importers.foreign import Kind, refuse_foreign, refuse_text

ONNX = Kind("an ONNX model", "export one")
TFLITE = Kind("a TFLite model", "convert one")
ONNX_START = b"\x08\x08\x12\x07pytorch"
TFLITE_START = b"\x1c\0\0\0TFL3\x14\0\x20\0"


@pytest.mark.parametrize(
    ("wanted", "data", "looks"),
    [
        (TFLITE, ONNX_START, "is not a TFLite model: it looks like an ONNX model"),
        (ONNX, TFLITE_START, "is not an ONNX model: it looks like a TFLite model"),
        (TFLITE, b"\x1f\x8b\x08\0", "is not a TFLite model: it looks like a gzip archive"),
        (TFLITE, b"\n<HTML>", "is not a TFLite model: it looks like a web page"),
        (TFLITE, b"", "is empty"),
    ],
)
def test_a_foreign_file_is_named_with_what_was_wanted(wanted, data, looks):
    with pytest.raises(ModelError, match=looks) as error:
        refuse_foreign(data, Path("m"), wanted)
    assert error.value.code == "EFN-M003"
    assert error.value.hint


@pytest.mark.parametrize(
    ("wanted", "data"), [(ONNX, ONNX_START), (TFLITE, TFLITE_START), (ONNX, b"\x08"), (TFLITE, b"?")]
)
def test_a_file_of_the_wanted_kind_or_of_none_passes(wanted, data):
    refuse_foreign(data, Path("m"), wanted)


def test_text_is_refused_only_by_those_who_ask():
    refuse_foreign(b"hello", Path("m"), ONNX)
    with pytest.raises(ModelError, match="it looks like text"):
        refuse_text(b"hello", Path("m"), ONNX)
    refuse_text(b"\x08\x08", Path("m"), ONNX)
