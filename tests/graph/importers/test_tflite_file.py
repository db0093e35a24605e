"""TFLite files, read."""

import re
from pathlib import Path

import numpy as np
import pytest
import tflite

from edgefn.errors import ModelError, UnsupportedError
from edgefn.graph.importers.tflite.file import read_file
from edgefn.graph.importers.tflite.schema import BUILTIN_OPERATORS, OPTIONS, TENSOR_TYPES

ASKED = """
    CONV_2D DEPTHWISE_CONV_2D FULLY_CONNECTED ADD SUB MUL AVERAGE_POOL_2D MAX_POOL_2D MEAN PAD PADV2 RESHAPE SOFTMAX
    LOGISTIC TANH RELU RELU6 CONCATENATION STRIDED_SLICE SLICE SPLIT TRANSPOSE TRANSPOSE_CONV RESIZE_BILINEAR
    RESIZE_NEAREST_NEIGHBOR QUANTIZE DEQUANTIZE UNIDIRECTIONAL_SEQUENCE_LSTM VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE
    CALL_ONCE SQUEEZE EXPAND_DIMS PACK UNPACK GATHER LEAKY_RELU PRELU HARD_SWISH L2_NORMALIZATION ARG_MAX CAST
    BATCH_MATMUL DEPTH_TO_SPACE SPACE_TO_DEPTH
"""
# Where the schema names a table of options otherwise than its operator; None where the operator has none.
TABLES = {
    "LOGISTIC": None,
    "MEAN": "ReducerOptions",
    "PRELU": None,
    "RELU": None,
    "RELU6": None,
    "TANH": None,
}
MEMBERS = {code: name for name, code in vars(tflite.BuiltinOptions).items() if not name.startswith("_")}
SAMPLES = {"i": 7, "f": 0.25, "?": False, "b": 1}


def _adders(table: str) -> set[str]:
    """Names of the fields that the generated code can write into a table."""
    adders = (re.fullmatch(rf"{table}Add(\w+)", name) for name in dir(tflite))
    return {found[1] for found in adders if found}


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _options_of(writer, op: str, **options) -> dict[str, object]:
    writer.op(op, **options)
    return writer.read().subgraphs[0].ops[0].options


def test_names_of_operators_and_types_are_those_of_the_schema():
    known = {name: code for name, code in vars(tflite.BuiltinOperator).items() if not name.startswith("_")}
    assert {name: BUILTIN_OPERATORS.index(name) for name in known} == known
    types = {name: code for name, code in vars(tflite.TensorType).items() if not name.startswith("_")}
    assert {name: TENSOR_TYPES.index(name) for name in types} == types


@pytest.mark.parametrize("op", sorted(OPTIONS))
def test_options_are_read_as_the_schema_writes_them(writer, op):
    """Every field is written by generated code, in one table, with a value that is not its default."""
    table, fields = MEMBERS[OPTIONS[op].member], OPTIONS[op].fields
    values = {name: SAMPLES.get(f.kind) for name, _, f in fields}
    values |= {name: not f.default for name, _, f in fields if f.kind == "?"}
    values |= {name: name for name, _, f in fields if f.kind == "text"}
    values |= {name: np.array((3, -1), np.int32) for name, _, f in fields if f.kind == "numbers"}
    assert {_camel(name) for name in values} == _adders(table) - {"NewHeight", "NewWidth"}
    found = _options_of(writer, op, options=table, fields={_camel(k): v for k, v in values.items()})
    wanted = {name: f.names[1] if f.names else values[name] for name, _, f in fields}
    wanted |= {name: (3, -1) for name, _, f in fields if f.kind == "numbers"}
    assert found == wanted


@pytest.mark.parametrize("op", sorted(OPTIONS))
@pytest.mark.parametrize("empty", [True, False], ids=["empty table", "no table"])
def test_options_that_a_file_leaves_out_have_their_defaults(writer, op, empty):
    table = MEMBERS[OPTIONS[op].member]
    found = _options_of(writer, op, options=table if empty else "")
    assert found == {name: _default(f) for name, _, f in OPTIONS[op].fields}


def _default(field):
    if field.kind in {"text", "numbers"}:
        return {"text": "", "numbers": ()}[field.kind]
    return field.names[0] if field.names else field.default


@pytest.mark.parametrize("op", [op for op in ASKED.split() if op not in OPTIONS])
def test_an_operator_that_is_not_listed_has_no_options(writer, op):
    table = TABLES.get(op, f"{_camel(op).replace('v2', 'V2')}Options")
    assert table is None or not _adders(table)
    assert _options_of(writer, op) == {}


def test_defaults_of_a_convolution_are_those_of_the_schema(writer):
    options = _options_of(writer, "CONV_2D", options="Conv2DOptions", fields={"StrideW": 2})
    assert options["stride_w"] == 2
    assert options["dilation_h_factor"] == 1
    assert options["padding"] == "SAME"
    assert options["fused_activation_function"] == "NONE"


def test_a_model_is_read_with_all_its_parts(small_tflite):
    model = read_file(small_tflite, Path("m.tflite"))
    assert (model.version, model.description) == (3, "by hand")
    main, once = model.subgraphs
    assert (main.name, main.inputs, main.outputs) == ("main", (0,), (3,))
    assert [op.op for op in main.ops] == ["CONV_2D", "RESHAPE", "VAR_HANDLE", "Magic"]
    assert main.ops[1].inputs == (3, -1)
    assert main.ops[1].options == {"new_shape": (1, 8)}
    assert main.ops[3].options == {"custom_options": b"spell"}
    assert main.ops[3].intermediates == (5,)
    assert once.ops[0].options == {"init_subgraph_index": 0}
    (signature,) = model.signatures
    assert (signature.key, signature.subgraph) == ("serve", 0)
    assert (signature.inputs, signature.outputs) == ({"picture": 0}, {"picture": 0})


def test_tensors_are_read_with_type_shape_quantization_and_values(small_tflite):
    image, weights, bias, total, mask, state, handle = read_file(small_tflite, Path("m")).subgraphs[0].tensors
    assert (image.name, image.dtype, image.shape, image.shape_signature) == ("image", "i8", (1, 4, 4, 1), (-1, 4, 4, 1))
    assert image.constant is image.quantization is None
    np.testing.assert_array_equal(weights.constant, np.arange(18, dtype=np.int8).reshape(2, 3, 3, 1))
    assert not weights.constant.flags.writeable
    np.testing.assert_array_equal(weights.quantization.scales, np.array([0.1, 0.2], np.float32))
    assert weights.quantization.axis == 0
    assert bias.constant.dtype == np.int32
    assert (total.quantization.zero_points.tolist(), total.quantization.axis) == ([-3], None)
    assert mask.constant.tolist() == [True, False]
    assert (state.dtype, state.is_variable, state.constant) == ("i16", True, None)
    assert (handle.dtype, handle.shape, handle.shape_signature) == ("resource", (), None)


@pytest.mark.parametrize("kind", ["FLOAT32", "FLOAT16", "FLOAT64", "INT8", "UINT8", "INT16", "INT32", "INT64", "BOOL"])
def test_values_of_every_type_come_back(writer, kind):
    wanted = np.array([[1, 0, 1]], kind.lower())
    writer.tensor("t", (1, 3), kind, constant=wanted)
    found = writer.read().subgraphs[0].tensors[0].constant
    np.testing.assert_array_equal(found, wanted)
    assert found.dtype == wanted.dtype


def test_a_shape_signature_without_unknown_dimensions_says_nothing(writer):
    writer.tensor("t", (1, 3), ShapeSignature=np.array((1, 3), np.int32))
    assert writer.read().subgraphs[0].tensors[0].shape_signature is None


@pytest.mark.parametrize(("shape", "axis", "found"), [((2,), 3, 0), ((2,), -1, 0), ((3, 2), 1, 1)])
def test_the_axis_of_a_quantized_vector_is_the_only_one(writer, shape, axis, found):
    writer.tensor("t", shape, "INT32", Quantization=writer.quantization([0.1, 0.2], [0, 0], axis))
    assert writer.read().subgraphs[0].tensors[0].quantization.axis == found


def test_one_scale_has_no_axis_whatever_the_file_says(writer):
    writer.tensor("t", (3, 2), "INT8", Quantization=writer.quantization([0.1], [0], 9))
    assert writer.read().subgraphs[0].tensors[0].quantization.axis is None


def test_a_range_seen_in_training_is_no_quantization(writer):
    seen = writer.table("QuantizationParameters", Min=np.zeros(1, np.float32), Max=np.ones(1, np.float32))
    writer.tensor("t", (3, 2), Quantization=seen)
    assert writer.read().subgraphs[0].tensors[0].quantization is None


def test_values_may_lie_behind_the_flatbuffer(writer):
    values = np.array([1.5, 2.5], np.float32)
    later = 0x0123456789ABCDEF
    writer.buffers.append(writer.table("Buffer", Offset=later, Size=values.nbytes))
    writer.tensor("t", (2,), Buffer=1)
    data = writer.data()
    data = data.replace(later.to_bytes(8, "little"), len(data).to_bytes(8, "little")) + values.tobytes()
    assert read_file(data, Path("m")).subgraphs[0].tensors[0].constant.tolist() == [1.5, 2.5]


def test_the_code_of_an_operator_is_read_from_its_old_and_its_new_place(writer):
    for fields in ({"DeprecatedBuiltinCode": 3}, {"DeprecatedBuiltinCode": 127, "BuiltinCode": 142, "Version": 2}):
        writer.ops.append(writer.table("Operator", OpcodeIndex=writer.code(**fields)))
    ops = writer.read().subgraphs[0].ops
    assert [(op.op, op.version) for op in ops] == [("CONV_2D", 1), ("VAR_HANDLE", 2)]


def test_an_operator_newer_than_the_schema_is_named_by_its_code(writer):
    writer.ops.append(writer.table("Operator", OpcodeIndex=writer.code(BuiltinCode=9_999)))
    assert writer.read().subgraphs[0].ops[0].op == "BUILTIN_9999"


@pytest.mark.parametrize("kind", ["STRING", "COMPLEX128", "VARIANT", "UINT32", "INT4", "BFLOAT16"])
def test_a_type_that_edgefn_does_not_have_is_unsupported(writer, kind):
    writer.tensor("odd", (1,), kind)
    with pytest.raises(UnsupportedError, match=f"tensor 'odd' has data type {kind}") as error:
        writer.read()
    assert error.value.code == "EFN-M011"


def test_sparse_weights_that_do_not_say_where_they_lie_are_malformed(writer):
    writer.tensor("thin", (1,), Sparsity=writer.table("SparsityParameters"))
    with pytest.raises(ModelError, match="sparse tensor 'thin'") as error:
        writer.read()
    assert error.value.code == "EFN-M006"


@pytest.mark.parametrize(("details", "form"), [(1, "custom"), (2, "blockwise"), (77, "unknown")])
def test_other_forms_of_quantization_are_unsupported(writer, details, form):
    writer.tensor("t", (1,), "INT8", Quantization=writer.quantization([1], [0], DetailsType=details))
    with pytest.raises(UnsupportedError, match=f"quantization of the form {form}") as error:
        writer.read()
    assert error.value.code == "EFN-M011"


def test_weights_in_another_file_are_refused_without_looking(writer):
    b = writer.builder
    b.StartObject(11)
    b.PrependUint32Slot(10, 1, 0)  # external_buffer, newer than the generated code
    writer.tensors.append(b.EndObject())
    with pytest.raises(ModelError, match="stored in another file") as error:
        writer.read()
    assert error.value.code == "EFN-M005"
