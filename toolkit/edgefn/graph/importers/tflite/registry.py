"""The TFLite operators that are supported, and what each is restricted to."""

from collections.abc import Callable

from edgefn.graph.importers.source import SupportedOp
from edgefn.graph.importers.tflite import (
    arithmetic,
    comparison,
    control,
    convolution,
    elementwise,
    fourier,
    functions,
    gathering,
    matrix,
    movement,
    padding,
    pooling,
    recurrent,
    reduction,
    resizing,
    rnn,
    shapes,
    slicing,
    svdf,
    tables,
    variables,
)
from edgefn.graph.importers.tflite.scope import ACTIVATIONS, Call
from edgefn.graph.importers.transposed import MAX_PHASES

__all__ = ["HANDLERS", "supported_ops"]

_ACTIVATION = f"fused {', '.join(name for name in ACTIVATIONS if name != 'NONE')}"
_RNN = "f32; constant weights; activations TANH, RELU"


def _kinds(name: str) -> str:
    """The types of numbers that a function is of."""
    _, octets, whole = functions.UNARIES[name]
    return ", ".join(["f32", *(["i8"] if octets else []), *(["i32"] if whole else [])])


HANDLERS: dict[str, tuple[Callable[[Call], str | tuple[str, ...]], str]] = {
    **{name: (functions.unary(name), _kinds(name)) for name in functions.UNARIES},
    "ADD": (arithmetic.add, f"f32, i8, i32; {_ACTIVATION}"),
    "ADD_N": (arithmetic.add_n, "f32, i32"),
    "ARG_MAX": (reduction.arg(smallest=False), "constant axis"),
    "ARG_MIN": (reduction.arg(smallest=True), "constant axis"),
    "ASSIGN_VARIABLE": (variables.assign_variable, ""),
    "AVERAGE_POOL_2D": (pooling.average_pool_2d, _ACTIVATION),
    "BATCH_MATMUL": (matrix.batch_matmul, ""),
    "BATCH_TO_SPACE_ND": (resizing.batch_to_space, "all sides of images and sequences"),
    "BIDIRECTIONAL_SEQUENCE_LSTM": (
        recurrent.bidirectional_sequence_lstm,
        "f32; constant weights; no auxiliary input; activation TANH",
    ),
    "BIDIRECTIONAL_SEQUENCE_RNN": (rnn.bidirectional_sequence_rnn, f"no auxiliary input; {_RNN}"),
    "BROADCAST_TO": (slicing.broadcast_to, "constant shape"),
    "CALL_ONCE": (variables.call_once, "constants assigned to variables"),
    "CAST": (comparison.cast, ""),
    "COMPLEX_ABS": (fourier.complex_abs, "of what RFFT2D gives"),
    "CONCATENATION": (movement.concatenation, "up to 64 inputs of one quantization"),
    "CONV_2D": (convolution.conv_2d, f"constant weights; {_ACTIVATION}"),
    "CUMSUM": (reduction.cumsum, "f32; constant axis, up to 2,048 long"),
    "Convolution2DTransposeBias": (convolution.transpose_conv_bias, "MediaPipe's; constant weights, f32"),
    "DENSIFY": (elementwise.densify, ""),
    "DEPTHWISE_CONV_2D": (convolution.depthwise_conv_2d, f"constant weights; {_ACTIVATION}"),
    "DEPTH_TO_SPACE": (resizing.depth_to_space, "images"),
    "DEQUANTIZE": (elementwise.dequantize, "bytes with one scale; constants of f16 and integers"),
    "DIV": (arithmetic.div, f"f32, i8, i32; {_ACTIVATION}"),
    "EMBEDDING_LOOKUP": (gathering.embedding_lookup, "a table of floats, or of integers with one scale"),
    "EQUAL": (comparison.compare("equal"), ""),
    "EXPAND_DIMS": (movement.expand_dims, "constant axis"),
    "FILL": (shapes.fill, "constant shape"),
    "FLOOR_DIV": (arithmetic.floor_div, "f32, i32"),
    "FLOOR_MOD": (arithmetic.floor_mod, "f32, i32"),
    "FULLY_CONNECTED": (matrix.fully_connected, _ACTIVATION),
    "GATHER": (gathering.gather, ""),
    "GATHER_ND": (gathering.gather_nd, ""),
    "GELU": (functions.gelu, "f32, i8"),
    "GREATER": (comparison.compare("less", swapped=True), ""),
    "GREATER_EQUAL": (comparison.compare("less_equal", swapped=True), ""),
    "IF": (control.if_, "sides whose outputs agree in type and shape"),
    "IMAG": (fourier.imag, "of what RFFT2D gives"),
    "L2_NORMALIZATION": (reduction.l2_normalization, f"f32, i8; {_ACTIVATION}"),
    "L2_POOL_2D": (pooling.l2_pool_2d, f"f32; {_ACTIVATION}"),
    "LEAKY_RELU": (functions.leaky_relu, "f32, i8"),
    "LESS": (comparison.compare("less"), ""),
    "LESS_EQUAL": (comparison.compare("less_equal"), ""),
    "LOGICAL_AND": (comparison.logic("and"), ""),
    "LOGICAL_NOT": (comparison.logical_not, ""),
    "LOGICAL_OR": (comparison.logic("or"), ""),
    "LOGISTIC": (tables.logistic, "f32, i8"),
    "LOG_SOFTMAX": (reduction.log_softmax, "f32"),
    "LSTM": (recurrent.lstm, "f32; constant weights; the full kernel; activation TANH"),
    "MAXIMUM": (arithmetic.extreme("max"), "f32, i32, i8 of one quantization"),
    "MAX_POOL_2D": (pooling.max_pool_2d, _ACTIVATION),
    "MEAN": (reduction.mean, "f32, i8, i32; constant axes"),
    "MINIMUM": (arithmetic.extreme("min"), "f32, i32, i8 of one quantization"),
    "MIRROR_PAD": (padding.mirror_pad, "constant paddings"),
    "MUL": (arithmetic.mul, f"f32, i8, i32; {_ACTIVATION}"),
    "NOT_EQUAL": (comparison.compare("not_equal"), ""),
    "ONE_HOT": (gathering.one_hot, "constant depth"),
    "PACK": (movement.pack, "up to 64 inputs of one quantization"),
    "PAD": (padding.pad, "constant paddings"),
    "PADV2": (padding.pad_v2, "constant paddings and value"),
    "POW": (arithmetic.power, "f32"),
    "PRELU": (arithmetic.prelu, "f32, i8"),
    "QUANTIZE": (
        elementwise.quantize,
        "f32 to bytes, bytes to bytes, with one scale; halves of f32 to even, where TFLite rounds them away from zero",
    ),
    "RANGE": (shapes.range_, "of constants only"),
    "RANK": (shapes.rank, ""),
    "READ_VARIABLE": (variables.read_variable, "after CALL_ONCE or ASSIGN_VARIABLE"),
    "REAL": (fourier.real, "of what RFFT2D gives"),
    "REDUCE_ALL": (reduction.logical("min"), "constant axes"),
    "REDUCE_ANY": (reduction.logical("max"), "constant axes"),
    "REDUCE_MAX": (reduction.reduced("max"), "f32, i32, i8 of one quantization; constant axes"),
    "REDUCE_MIN": (reduction.reduced("min"), "f32, i32, i8 of one quantization; constant axes"),
    "REDUCE_PROD": (reduction.reduced("prod"), "f32, i32; constant axes"),
    "RELU": (elementwise.rectifier(ACTIVATIONS["RELU"]), "f32, i8"),
    "RELU6": (elementwise.rectifier(ACTIVATIONS["RELU6"]), "f32, i8"),
    "RELU_0_TO_1": (elementwise.rectifier(ACTIVATIONS["RELU_0_TO_1"]), "f32, i8"),
    "RELU_N1_TO_1": (elementwise.rectifier(ACTIVATIONS["RELU_N1_TO_1"]), "f32, i8"),
    "RESHAPE": (movement.reshape, ""),
    "RESIZE_BILINEAR": (resizing.resize_bilinear, "images of f32 and i8; constant sizes"),
    "RESIZE_NEAREST_NEIGHBOR": (resizing.resize_nearest, "images; constant sizes"),
    "REVERSE_V2": (slicing.reverse, "constant axes"),
    "RFFT2D": (fourier.rfft_2d, f"along the last dimension, a power of two up to {fourier.MAX_LENGTH:,} long"),
    "RNN": (rnn.rnn, _RNN),
    "SELECT": (comparison.select, ""),
    "SELECT_V2": (comparison.select, ""),
    "SHAPE": (shapes.shape, ""),
    "SLICE": (slicing.slice_, "constant begins and sizes"),
    "SOFTMAX": (elementwise.softmax, ""),
    "SPACE_TO_BATCH_ND": (resizing.space_to_batch, "all sides of images and sequences"),
    "SPACE_TO_DEPTH": (resizing.space_to_depth, "images"),
    "SPLIT": (slicing.split, "constant axis"),
    "SPLIT_V": (slicing.split_v, "constant sizes and axis"),
    "SQUARE": (functions.square, "f32, i32"),
    "SQUARED_DIFFERENCE": (arithmetic.squared_difference, "f32, i8, i32"),
    "SQUEEZE": (movement.squeeze, ""),
    "STRIDED_SLICE": (slicing.strided_slice, "constant begins, ends and strides"),
    "SUB": (arithmetic.sub, f"f32, i8, i32; {_ACTIVATION}"),
    "SUM": (reduction.sum_, "f32, i32, i8 to another quantization; constant axes"),
    "SVDF": (svdf.svdf, f"f32; constant weights; {_ACTIVATION}"),
    "TANH": (tables.tanh, "f32, i8"),
    "TILE": (slicing.tile, "constant multiples"),
    "TOPK_V2": (gathering.top_k, "constant k"),
    "TRANSPOSE": (movement.transpose, "constant permutation"),
    "TRANSPOSE_CONV": (
        convolution.transpose_conv,
        f"constant weights and output shape; a product of strides up to {MAX_PHASES:,}; {_ACTIVATION}",
    ),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (
        recurrent.unidirectional_sequence_lstm,
        "f32, or i8 with c of i16, which has no coupled gates, projection or layer normalization; constant weights; "
        "activation TANH",
    ),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (rnn.unidirectional_sequence_rnn, _RNN),
    "UNPACK": (slicing.unpack, ""),
    "VAR_HANDLE": (variables.var_handle, ""),
    "WHILE": (control.while_, "as many rounds as constants say"),
    "ZEROS_LIKE": (shapes.zeros_like, ""),
}


def supported_ops() -> tuple[SupportedOp, ...]:
    """Every supported TFLite operator, by name."""
    return tuple(SupportedOp(name, restrictions) for name, (_, restrictions) in sorted(HANDLERS.items()))
