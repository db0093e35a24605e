"""What the reader needs of the TFLite schema, as data.

Source: tflite/converter/schema/schema.fbs of google-ai-edge/LiteRT at 098fb976 (version 3d), read on 2026-11-25. A slot
is the place of a field in its table; fields are only ever appended, so slots do not change.
"""

from dataclasses import dataclass
from enum import IntEnum

__all__ = [
    "BUILTIN_OPERATORS",
    "CUSTOM",
    "OPTIONS",
    "QUANTIZATION_DETAILS",
    "TENSOR_TYPES",
    "BufferSlot",
    "CodeSlot",
    "DimensionSlot",
    "Field",
    "ModelSlot",
    "OperatorSlot",
    "Options",
    "QuantizationSlot",
    "SignatureSlot",
    "SparsitySlot",
    "SubgraphSlot",
    "TensorMapSlot",
    "TensorSlot",
]


class ModelSlot(IntEnum):
    VERSION = 0
    OPERATOR_CODES = 1
    SUBGRAPHS = 2
    DESCRIPTION = 3
    BUFFERS = 4
    SIGNATURE_DEFS = 7


class CodeSlot(IntEnum):
    DEPRECATED_BUILTIN_CODE = 0
    CUSTOM_CODE = 1
    VERSION = 2
    BUILTIN_CODE = 3


class SubgraphSlot(IntEnum):
    TENSORS = 0
    INPUTS = 1
    OUTPUTS = 2
    OPERATORS = 3
    NAME = 4


class TensorSlot(IntEnum):
    SHAPE = 0
    TYPE = 1
    BUFFER = 2
    NAME = 3
    QUANTIZATION = 4
    IS_VARIABLE = 5
    SPARSITY = 6
    SHAPE_SIGNATURE = 7
    EXTERNAL_BUFFER = 10


class SparsitySlot(IntEnum):
    TRAVERSAL_ORDER = 0
    BLOCK_MAP = 1
    DIM_METADATA = 2


class DimensionSlot(IntEnum):
    FORMAT = 0
    DENSE_SIZE = 1
    SEGMENTS_TYPE = 2
    SEGMENTS = 3
    INDICES_TYPE = 4
    INDICES = 5


class QuantizationSlot(IntEnum):
    SCALE = 2
    ZERO_POINT = 3
    DETAILS_TYPE = 4
    QUANTIZED_DIMENSION = 6


class BufferSlot(IntEnum):
    DATA = 0
    OFFSET = 1
    SIZE = 2


class OperatorSlot(IntEnum):
    OPCODE_INDEX = 0
    INPUTS = 1
    OUTPUTS = 2
    BUILTIN_OPTIONS_TYPE = 3
    BUILTIN_OPTIONS = 4
    CUSTOM_OPTIONS = 5
    INTERMEDIATES = 8
    LARGE_CUSTOM_OPTIONS_OFFSET = 9
    LARGE_CUSTOM_OPTIONS_SIZE = 10


class SignatureSlot(IntEnum):
    INPUTS = 0
    OUTPUTS = 1
    KEY = 2
    SUBGRAPH_INDEX = 4


class TensorMapSlot(IntEnum):
    NAME = 0
    TENSOR_INDEX = 1


_TYPES = """
    FLOAT32 FLOAT16 INT32 UINT8 INT64 STRING BOOL INT16 COMPLEX64 INT8 FLOAT64 COMPLEX128 UINT64 RESOURCE VARIANT UINT32
    UINT16 INT4 BFLOAT16 INT2 UINT4 FLOAT8_E4M3FN FLOAT8_E5M2
"""
QUANTIZATION_DETAILS = ("none", "custom", "blockwise", "multi-axis")
_OPERATORS = """
    ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP FLOOR
    FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION
    LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH
    CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER
    BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE
    BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM
    ARG_MAX MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE TILE
    EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR
    ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE
    RESIZE_NEAREST_NEIGHBOR LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND
    COS WHERE RANK ELU REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE
    NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL
    PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO RFFT2D CONV_3D IMAG REAL COMPLEX_ABS HASHTABLE
    HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE
    BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM MULTINOMIAL GELU DYNAMIC_UPDATE_SLICE RELU_0_TO_1
    UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_SUM ATAN2 UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR
    RIGHT_SHIFT STABLEHLO_LOGISTIC STABLEHLO_ADD STABLEHLO_DIVIDE STABLEHLO_MULTIPLY STABLEHLO_MAXIMUM STABLEHLO_RESHAPE
    STABLEHLO_CLAMP STABLEHLO_CONCATENATE STABLEHLO_BROADCAST_IN_DIM STABLEHLO_CONVOLUTION STABLEHLO_SLICE
    STABLEHLO_CUSTOM_CALL STABLEHLO_REDUCE STABLEHLO_ABS STABLEHLO_AND STABLEHLO_COSINE STABLEHLO_EXPONENTIAL
    STABLEHLO_FLOOR STABLEHLO_LOG STABLEHLO_MINIMUM STABLEHLO_NEGATE STABLEHLO_OR STABLEHLO_POWER STABLEHLO_REMAINDER
    STABLEHLO_RSQRT STABLEHLO_SELECT STABLEHLO_SUBTRACT STABLEHLO_TANH STABLEHLO_SCATTER STABLEHLO_COMPARE
    STABLEHLO_CONVERT STABLEHLO_DYNAMIC_SLICE STABLEHLO_DYNAMIC_UPDATE_SLICE STABLEHLO_PAD STABLEHLO_IOTA
    STABLEHLO_DOT_GENERAL STABLEHLO_REDUCE_WINDOW STABLEHLO_SORT STABLEHLO_WHILE STABLEHLO_GATHER STABLEHLO_TRANSPOSE
    DILATE STABLEHLO_RNG_BIT_GENERATOR REDUCE_WINDOW STABLEHLO_COMPOSITE STABLEHLO_SHIFT_LEFT STABLEHLO_CBRT
    STABLEHLO_CASE
"""
TENSOR_TYPES, BUILTIN_OPERATORS = tuple(_TYPES.split()), tuple(_OPERATORS.split())
CUSTOM = BUILTIN_OPERATORS.index("CUSTOM")


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an options table.

    `kind` is the struct code of a number, "text" for a string or "numbers" for a vector of i32; `names` are those of an
    enum's values.
    """

    kind: str
    default: float = 0
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Options:
    """A table of options: its place in the union BuiltinOptions, and its fields by name and slot."""

    member: int
    fields: tuple[tuple[str, int, Field], ...]


def _options(member: int, **fields: Field | None) -> Options:
    """Return a table whose fields are given in the schema's order; None is one that is no more, and keeps its slot."""
    return Options(member, tuple((name, slot, f) for slot, (name, f) in enumerate(fields.items()) if f))


_INT, _ONE, _FLOAT = Field("i"), Field("i", 1), Field("f")
_NO, _YES = Field("?"), Field("?", default=True)
_NUMBERS, _TEXT = Field("numbers"), Field("text")
_PADDING = Field("b", names=("SAME", "VALID"))
_ACTIVATION = Field("b", names=("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT"))
_WEIGHTS = Field("b", names=("DEFAULT", "SHUFFLED4x16INT8"))
_KERNEL = Field("b", names=("FULL", "BASIC"))
_MIRROR = Field("b", names=("REFLECT", "SYMMETRIC"))
_TYPE = Field("b", names=TENSOR_TYPES)

_POOL: dict[str, Field] = {
    "padding": _PADDING,
    "stride_w": _INT,
    "stride_h": _INT,
    "filter_width": _INT,
    "filter_height": _INT,
    "fused_activation_function": _ACTIVATION,
}

# An operator that is not named here has an empty table of options, or one that nothing here needs.
OPTIONS: dict[str, Options] = {
    "ADD": _options(11, fused_activation_function=_ACTIVATION, pot_scale_int16=_YES),
    "ARG_MAX": _options(40, output_type=_TYPE),
    "ARG_MIN": _options(57, output_type=_TYPE),
    "AVERAGE_POOL_2D": _options(5, **_POOL),
    "BATCH_MATMUL": _options(101, adj_x=_NO, adj_y=_NO, asymmetric_quantize_inputs=_NO),
    "BIDIRECTIONAL_SEQUENCE_LSTM": _options(
        69,
        fused_activation_function=_ACTIVATION,
        cell_clip=_FLOAT,
        proj_clip=_FLOAT,
        merge_outputs=_NO,
        time_major=_YES,
        asymmetric_quantize_inputs=_NO,
    ),
    "BIDIRECTIONAL_SEQUENCE_RNN": _options(
        70,
        time_major=_NO,
        fused_activation_function=_ACTIVATION,
        merge_outputs=_NO,
        asymmetric_quantize_inputs=_NO,
    ),
    "CALL_ONCE": _options(103, init_subgraph_index=_INT),
    "CAST": _options(37, in_data_type=_TYPE, out_data_type=_TYPE),
    "CONCATENATION": _options(10, axis=_INT, fused_activation_function=_ACTIVATION),
    "CONV_2D": _options(
        1,
        padding=_PADDING,
        stride_w=_INT,
        stride_h=_INT,
        fused_activation_function=_ACTIVATION,
        dilation_w_factor=_ONE,
        dilation_h_factor=_ONE,
        quantized_bias_type=_TYPE,
    ),
    "DEPTHWISE_CONV_2D": _options(
        2,
        padding=_PADDING,
        stride_w=_INT,
        stride_h=_INT,
        depth_multiplier=_INT,
        fused_activation_function=_ACTIVATION,
        dilation_w_factor=_ONE,
        dilation_h_factor=_ONE,
    ),
    "CUMSUM": _options(102, exclusive=_NO, reverse=_NO),
    "DEPTH_TO_SPACE": _options(94, block_size=_INT),
    "DIV": _options(29, fused_activation_function=_ACTIVATION),
    "FULLY_CONNECTED": _options(
        8,
        fused_activation_function=_ACTIVATION,
        weights_format=_WEIGHTS,
        keep_num_dims=_NO,
        asymmetric_quantize_inputs=_NO,
        quantized_bias_type=_TYPE,
    ),
    "GATHER": _options(23, axis=_INT, batch_dims=_INT),
    "IF": _options(92, then_subgraph_index=_INT, else_subgraph_index=_INT),
    "GELU": _options(116, approximate=_NO),
    "L2_NORMALIZATION": _options(12, fused_activation_function=_ACTIVATION),
    "L2_POOL_2D": _options(5, **_POOL),
    "LEAKY_RELU": _options(75, alpha=_FLOAT),
    "LSTM": _options(
        14,
        fused_activation_function=_ACTIVATION,
        cell_clip=_FLOAT,
        proj_clip=_FLOAT,
        kernel_type=_KERNEL,
        asymmetric_quantize_inputs=_NO,
    ),
    "MAX_POOL_2D": _options(5, **_POOL),
    "MEAN": _options(27, keep_dims=_NO),
    "MIRROR_PAD": _options(77, mode=_MIRROR),
    "MUL": _options(21, fused_activation_function=_ACTIVATION),
    "ONE_HOT": _options(61, axis=_INT),
    "PACK": _options(59, values_count=_INT, axis=_INT),
    "REDUCE_ALL": _options(27, keep_dims=_NO),
    "REDUCE_ANY": _options(27, keep_dims=_NO),
    "REDUCE_MAX": _options(27, keep_dims=_NO),
    "REDUCE_MIN": _options(27, keep_dims=_NO),
    "REDUCE_PROD": _options(27, keep_dims=_NO),
    "RESHAPE": _options(17, new_shape=_NUMBERS),
    "RESIZE_BILINEAR": _options(15, new_height=None, new_width=None, align_corners=_NO, half_pixel_centers=_NO),
    "RESIZE_NEAREST_NEIGHBOR": _options(74, align_corners=_NO, half_pixel_centers=_NO),
    "RNN": _options(7, fused_activation_function=_ACTIVATION, asymmetric_quantize_inputs=_NO),
    "SOFTMAX": _options(9, beta=_FLOAT),
    "SPACE_TO_DEPTH": _options(19, block_size=_INT),
    "SPLIT": _options(35, num_splits=_INT),
    "SPLIT_V": _options(79, num_splits=_INT),
    "SQUEEZE": _options(30, squeeze_dims=_NUMBERS),
    "STRIDED_SLICE": _options(
        32,
        begin_mask=_INT,
        end_mask=_INT,
        ellipsis_mask=_INT,
        new_axis_mask=_INT,
        shrink_axis_mask=_INT,
        offset=_NO,
    ),
    "SUB": _options(28, fused_activation_function=_ACTIVATION, pot_scale_int16=_YES),
    "SUM": _options(27, keep_dims=_NO),
    "SVDF": _options(6, rank=_INT, fused_activation_function=_ACTIVATION, asymmetric_quantize_inputs=_NO),
    "TRANSPOSE_CONV": _options(
        49,
        padding=_PADDING,
        stride_w=_INT,
        stride_h=_INT,
        fused_activation_function=_ACTIVATION,
        quantized_bias_type=_TYPE,
    ),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _options(
        71,
        fused_activation_function=_ACTIVATION,
        cell_clip=_FLOAT,
        proj_clip=_FLOAT,
        time_major=_NO,
        asymmetric_quantize_inputs=_NO,
        diagonal_recurrent_tensors=_NO,
    ),
    "UNIDIRECTIONAL_SEQUENCE_RNN": _options(
        31, time_major=_NO, fused_activation_function=_ACTIVATION, asymmetric_quantize_inputs=_NO
    ),
    "UNPACK": _options(64, num=_INT, axis=_INT),
    "VAR_HANDLE": _options(111, container=_TEXT, shared_name=_TEXT),
    "WHILE": _options(93, cond_subgraph_index=_INT, body_subgraph_index=_INT),
}
