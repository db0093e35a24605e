"""TFLite files that are not what they should be: only clear errors come out, in bounded time and memory."""

import time
import tracemalloc
from pathlib import Path
from struct import pack_into

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzz.campaign import made, meet

from edgefn.errors import EdgefnError, ModelError
from edgefn.graph.importers.tflite.file import read_file

SLOW = settings(max_examples=1_500, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
CODES = {"EFN-M003", "EFN-M004", "EFN-M005", "EFN-M006", "EFN-M008", "EFN-M011"}
SOURCE = Path("hostile.tflite")
WORDS = (0, 1, 4, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFC, 0xFFFFFFFF)


def _read(data: bytes) -> str:
    """Read what may be anything; return the code of the error, or "" when it is a model."""
    try:
        read_file(data, SOURCE)
    except EdgefnError as error:
        assert error.hint  # noqa: PT017 -- a mutation may also be harmless
        assert error.code in CODES  # noqa: PT017
        assert len(error.message) < 1_000_000  # noqa: PT017
        return error.code
    return ""


def _refused(data: bytes, code: str, says: str) -> None:
    with pytest.raises(ModelError, match=says) as error:
        read_file(data, SOURCE)
    assert error.value.code == code


@pytest.mark.parametrize(
    ("data", "looks"),
    [
        (b"", "is empty"),
        (b"\x08\x08\x12\x07pytorch", "it looks like an ONNX model"),
        (b"<!DOCTYPE html><html>", "it looks like a web page"),
        (b"hello, I am no model\n", "it looks like text"),
        (b"\x1c\0\0\0TFL2" + bytes(64), "its bytes 4 to 7 are b'TFL2', not TFL3"),
        (b"\x1c\0\0\0", "its bytes 4 to 7 are b'', not TFL3"),
    ],
)
def test_a_foreign_file_is_named_for_what_it_looks_like(data, looks):
    _refused(data, "EFN-M003", looks)


def test_a_root_that_looks_like_a_pickle_is_no_pickle(small_tflite):
    assert _read(b"\x80\x02\0\0" + small_tflite[4:]) == "EFN-M004"


def test_every_word_may_be_anything(small_tflite):
    """Offsets, lengths, counts and sizes are all words of four bytes: each becomes 0, negative, 2^31, too large."""
    codes = set()
    for at in range(0, len(small_tflite) - 3, 4):
        for word in WORDS:
            data = bytearray(small_tflite)
            pack_into("<I", data, at, word)
            codes.add(_read(bytes(data)))
    assert codes >= {"", "EFN-M003", "EFN-M004", "EFN-M006", "EFN-M008", "EFN-M011"}


def test_every_byte_may_be_anything(small_tflite):
    for at in range(len(small_tflite)):
        for value in (0x00, 0x7F, 0x80, 0xFF, small_tflite[at] ^ 0x01):
            _read(small_tflite[:at] + bytes([value]) + small_tflite[at + 1 :])


def test_a_truncated_file_is_refused_at_every_length(small_tflite):
    for length in range(len(small_tflite)):
        assert _read(small_tflite[:length]) in CODES


@given(st.data())
@SLOW
def test_mutated_bytes_give_a_model_or_a_clear_error(small_tflite, data):
    mutated = bytearray(small_tflite)
    for _ in range(data.draw(st.integers(1, 8))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    _read(bytes(mutated))


@given(st.data())
@SLOW
def test_mutated_offsets_give_a_model_or_a_clear_error(small_tflite, data):
    """Offsets that stay within the file: parts overlap, lie in each other, lead in circles."""
    mutated = bytearray(small_tflite)
    for _ in range(data.draw(st.integers(1, 4))):
        at = 4 * data.draw(st.integers(0, len(mutated) // 4 - 1))
        pack_into("<i", mutated, at, data.draw(st.integers(-len(mutated), len(mutated))))
    _read(bytes(mutated))


def test_mutated_parts_give_a_model_or_a_clear_error(small_tflite):
    assert meet("tflite", made("tflite", 1, range(2000), [small_tflite]), []).findings == []


@given(st.binary(max_size=300))
@SLOW
def test_random_bytes_give_a_clear_error(data):
    assert _read(b"\x08\0\0\0TFL3" + data) in CODES


def test_a_file_that_is_too_large_is_not_read():
    _refused(b"\x08\0\0\0TFL3" + bytes(256 << 20), "EFN-M008", "at most 268,435,456 are read")


@pytest.mark.parametrize("shape", [(-3,), (1 << 25,), (1 << 14, 1 << 14), (-1, 4)])
def test_dimensions_beyond_all_bounds_are_refused(writer, shape):
    writer.tensor("vast", shape)
    _refused(writer.data(), "EFN-M008", "tensor 'vast' has")


def test_more_dimensions_than_are_supported_are_refused(writer):
    writer.tensor("deep", (1,) * 7)
    _refused(writer.data(), "EFN-M008", "the shape of tensor 'deep' has 7 items, at most 6")


@pytest.mark.parametrize(
    ("fields", "code", "says"),
    [
        ({"ShapeSignature": (-1, 4, 1)}, "EFN-M006", "has 2 dimensions, and the shape signature"),
        ({"ShapeSignature": (-1, -2)}, "EFN-M008", "has the shape signature"),
        ({"Buffer": 5}, "EFN-M006", "tensor 't' is in buffer 5 of 1"),
    ],
)
def test_a_tensor_that_contradicts_itself_is_refused(writer, fields, code, says):
    vectors = {k: np.array(v, np.int32) if isinstance(v, tuple) else v for k, v in fields.items()}
    writer.tensor("t", (1, 4), **vectors)
    _refused(writer.data(), code, says)


@pytest.mark.parametrize(
    ("scales", "points", "axis", "says"),
    [
        ([0.1, 0.2], [0], 0, "has 2 scales and 1 zero points"),
        ([0.1], [], 0, "has 1 scales and 0 zero points"),
        ([0.1, 0.2, 0.3], [0, 0, 0], 0, "has 3 scales on axis 0"),
        ([0.1, 0.2], [0, 0], 2, "has 2 scales on axis 2"),
        ([0.1, 0.2], [0, 0], -1, "has 2 scales on axis -1"),
    ],
)
def test_a_quantization_that_does_not_fit_is_malformed(writer, scales, points, axis, says):
    writer.tensor("t", (2, 5), "INT8", Quantization=writer.quantization(scales, points, axis))
    _refused(writer.data(), "EFN-M006", says)


@pytest.mark.parametrize(
    ("kind", "value", "says"),
    [
        ("FLOAT32", np.ones(3, np.float32), "f32 of \\(2,\\), has 12 bytes, not 8"),
        ("RESOURCE", np.ones(2, np.uint8), "resource of \\(2,\\), has 2 bytes, not 0"),
        ("BOOL", np.array([1, 2], np.uint8), "tensor 't' of booleans holds 2"),
    ],
)
def test_values_that_do_not_fit_their_tensor_are_malformed(writer, kind, value, says):
    writer.tensor("t", (2,), kind, constant=value)
    _refused(writer.data(), "EFN-M006", says)


@pytest.mark.parametrize("port", ["inputs", "outputs"])
@pytest.mark.parametrize("index", [1, -2, 1 << 30])
def test_an_operator_names_tensors_that_exist(writer, port, index):
    writer.tensor()
    writer.op("RELU", **{port: [index]})
    _refused(writer.data(), "EFN-M006", f"operator 0 \\(RELU\\) names tensor {index:,} of 1")


@pytest.mark.parametrize("ports", [([-1], []), ([], [3])])
def test_a_subgraph_names_tensors_that_exist(writer, ports):
    writer.tensor()
    writer.subgraph(*ports)
    _refused(writer.data(), "EFN-M006", "subgraph 0, as (in|out)put, names tensor")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"BuiltinCode": -5, "DeprecatedBuiltinCode": -1}, "an operator has the code -1"),
        ({"BuiltinCode": 32}, "a custom operator is named ''"),
        ({"BuiltinCode": 32, "CustomCode": "CONV_2D"}, "a custom operator is named 'CONV_2D'"),
    ],
)
def test_an_operator_without_a_proper_name_is_malformed(writer, fields, says):
    writer.code(**fields)
    writer.tensor()
    _refused(writer.data(), "EFN-M006", says)


def test_an_operator_has_a_code_that_exists(writer):
    writer.ops.append(writer.table("Operator", OpcodeIndex=3))
    _refused(writer.data(), "EFN-M006", "subgraph 0: operator 0 has the operator code 3 of 0")


def test_options_of_another_operator_are_malformed(writer):
    writer.op("CONV_2D", options="Pool2DOptions")
    _refused(writer.data(), "EFN-M006", "has the options 5 of another operator, not 1")


def test_a_value_that_an_enum_does_not_have_is_malformed(writer):
    writer.op("CONV_2D", options="Conv2DOptions", fields={"Padding": 9})
    _refused(writer.data(), "EFN-M006", "\\(CONV_2D\\): padding is 9")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"SubgraphIndex": 7}, "signature 'serve' calls subgraph 7 of 1"),
        ({"Inputs": [("x", 4)]}, "signature 'serve' calls tensor 4 of 1 'x'"),
        ({"Outputs": [("x", 0), ("x", 0)]}, "signature 'serve' has two tensors named 'x'"),
    ],
)
def test_a_signature_names_what_exists(writer, fields, says):
    w = writer
    w.tensor()
    named = {
        k: [w.table("TensorMap", Name=name, TensorIndex=i) for name, i in v] if isinstance(v, list) else v
        for k, v in fields.items()
    }
    _refused(w.data(SignatureDefs=[w.table("SignatureDef", SignatureKey="serve", **named)]), "EFN-M006", says)


def test_a_file_without_a_graph_is_malformed(writer):
    _refused(writer.data(), "EFN-M006", "it has no subgraph")


def test_a_file_of_another_schema_is_malformed(writer):
    writer.tensor()
    _refused(writer.data(Version=4), "EFN-M006", "its schema has version 4, not 3")


def test_a_name_that_is_not_text_is_damage(writer):
    writer.tensor("name me")
    _refused(writer.data().replace(b"name me", b"n\xffme me"), "EFN-M004", "is not UTF-8")


def test_a_name_as_long_as_a_book_is_refused(writer):
    writer.tensor("x" * 70_000)
    _refused(writer.data(), "EFN-M008", "a name of 70,000 bytes")


@pytest.mark.parametrize(
    ("what", "most"),
    [("tensors", 65_536), ("operators", 4_096), ("subgraphs", 1_024), ("buffers", 65_536), ("operator codes", 4_096)],
)
def test_more_parts_than_are_read_are_refused(writer, what, most):
    """One part, pointed at from everywhere: such a file is small."""
    w = writer
    w.tensor()
    w.op("RELU")
    lists = {"tensors": w.tensors, "operators": w.ops, "buffers": w.buffers, "operator codes": w.codes}
    if what == "subgraphs":
        w.subgraph()
        w.subgraphs *= most + 1
    else:
        lists[what] *= most + 1
    _refused(w.data(), "EFN-M008", f"{what}, at most {most:,} are read")


def test_parts_are_counted_over_all_subgraphs(writer):
    writer.tensor()
    writer.tensors *= 1_000
    writer.subgraph()
    writer.subgraphs *= 1_000
    _refused(writer.data() + bytes(1 << 20), "EFN-M008", "66,000 tensors")


def test_an_operator_with_thousands_of_inputs_is_refused(writer):
    writer.tensor()
    writer.op("CONCATENATION", [0] * 1_025)
    _refused(writer.data(), "EFN-M008", "has 1,025 items, at most 1,024")


def test_parts_that_overlap_cannot_multiply_a_small_file(writer):
    writer.tensor("x" * 60_000)
    writer.tensors *= 60_000
    _refused(writer.data(), "EFN-M008", "says more than 4 times its")


def test_a_constant_that_all_tensors_share_is_not_copied(writer):
    values = np.arange(1 << 18, dtype=np.float32)
    writer.tensor("t", values.shape, constant=values)
    writer.tensors *= 1_000
    data = writer.data()
    tracemalloc.start()
    try:
        tensors = read_file(data, SOURCE).subgraphs[0].tensors
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    assert tensors[999].constant[-1] == values[-1]


def test_the_largest_model_that_is_read_takes_seconds_at_most(writer):
    w = writer
    w.tensor("t", (2,), "INT8", Quantization=w.quantization([0.1, 0.2], [0, 0]), constant=np.ones(2, np.int8))
    w.tensors *= 65_536
    w.op("CONV_2D", [0] * 8, [1], "Conv2DOptions", {"Padding": 1})
    w.ops *= 4_096
    data = w.data() + bytes(1 << 20)
    started = time.process_time()
    model = read_file(data, SOURCE)
    assert time.process_time() - started < 20
    assert len(model.subgraphs[0].tensors) == 65_536
