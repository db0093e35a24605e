"""The TFLite operators that are supported, and what each is restricted to."""

from collections.abc import Callable

from edgefn.graph.importers.source import SupportedOp
from edgefn.graph.importers.tflite import (
    control,
    convolution,
    elementwise,
    gathering,
    matrix,
    movement,
    padding,
    pooling,
    recurrent,
    resizing,
    shapes,
    slicing,
    tables,
    variables,
)
from edgefn.graph.importers.tflite.scope import ACTIVATIONS, Call
from edgefn.graph.importers.transposed import MAX_PHASES

__all__ = ["HANDLERS", "supported_ops"]

_ACTIVATION = f"fused {', '.join(name for name in ACTIVATIONS if name != 'NONE')}"

HANDLERS: dict[str, tuple[Callable[[Call], str | tuple[str, ...]], str]] = {
    "ADD": (
        elementwise.add,
        f"one shape, or a constant, a vector along the last dimension or an element; {_ACTIVATION}",
    ),
    "ASSIGN_VARIABLE": (variables.assign_variable, ""),
    "AVERAGE_POOL_2D": (pooling.average_pool_2d, _ACTIVATION),
    "BATCH_MATMUL": (matrix.batch_matmul, ""),
    "BATCH_TO_SPACE_ND": (resizing.batch_to_space, "all sides of images and sequences"),
    "BIDIRECTIONAL_SEQUENCE_LSTM": (
        recurrent.bidirectional_sequence_lstm,
        "f32; constant weights; no auxiliary input; activation TANH",
    ),
    "BROADCAST_TO": (slicing.broadcast_to, "constant shape"),
    "CALL_ONCE": (variables.call_once, "constants assigned to variables"),
    "CONCATENATION": (movement.concatenation, "up to 64 inputs of one quantization"),
    "CONV_2D": (convolution.conv_2d, f"constant weights; {_ACTIVATION}"),
    "Convolution2DTransposeBias": (convolution.transpose_conv_bias, "MediaPipe's; constant weights, f32"),
    "DENSIFY": (elementwise.densify, ""),
    "DEPTHWISE_CONV_2D": (convolution.depthwise_conv_2d, f"constant weights; {_ACTIVATION}"),
    "DEPTH_TO_SPACE": (resizing.depth_to_space, "images"),
    "DEQUANTIZE": (elementwise.dequantize, "i8 with one scale; constants of f16 and integers"),
    "EMBEDDING_LOOKUP": (gathering.embedding_lookup, "a table of floats, or of integers with one scale"),
    "EXPAND_DIMS": (movement.expand_dims, "constant axis"),
    "FILL": (shapes.fill, "constant shape"),
    "FULLY_CONNECTED": (matrix.fully_connected, _ACTIVATION),
    "GATHER": (gathering.gather, "no batch_dims"),
    "IF": (control.if_, "sides whose outputs agree in type and shape"),
    "LOGISTIC": (tables.logistic, "f32, and i8 to the scale 1/256 around -128"),
    "LSTM": (recurrent.lstm, "f32; constant weights; the full kernel; activation TANH"),
    "MAX_POOL_2D": (pooling.max_pool_2d, _ACTIVATION),
    "MEAN": (pooling.mean, "height and width of f32 images"),
    "MIRROR_PAD": (padding.mirror_pad, "constant paddings"),
    "PACK": (movement.pack, "up to 64 inputs of one quantization"),
    "PAD": (padding.pad, "constant paddings"),
    "PADV2": (padding.pad_v2, "constant paddings and value"),
    "QUANTIZE": (
        elementwise.quantize,
        "f32 to i8, bytes to bytes, with one scale; halves of f32 to even, where TFLite rounds them away from zero",
    ),
    "RANGE": (shapes.range_, "of constants only"),
    "RANK": (shapes.rank, ""),
    "READ_VARIABLE": (variables.read_variable, "after CALL_ONCE or ASSIGN_VARIABLE"),
    "RELU": (elementwise.relu, "input and output of one quantization"),
    "RELU6": (elementwise.relu6, "input and output of one quantization"),
    "RESHAPE": (movement.reshape, ""),
    "RESIZE_BILINEAR": (resizing.resize_bilinear, "images of f32 and i8; constant sizes"),
    "RESIZE_NEAREST_NEIGHBOR": (resizing.resize_nearest, "images; constant sizes"),
    "REVERSE_V2": (slicing.reverse, "constant axes"),
    "SHAPE": (shapes.shape, ""),
    "SLICE": (slicing.slice_, "constant begins and sizes"),
    "SOFTMAX": (elementwise.softmax, "beta 1"),
    "SPACE_TO_BATCH_ND": (resizing.space_to_batch, "all sides of images and sequences"),
    "SPACE_TO_DEPTH": (resizing.space_to_depth, "images"),
    "SPLIT": (slicing.split, "constant axis"),
    "SPLIT_V": (slicing.split_v, "constant sizes and axis"),
    "SQUEEZE": (movement.squeeze, ""),
    "STRIDED_SLICE": (slicing.strided_slice, "constant begins, ends and strides"),
    "TANH": (tables.tanh, "f32, and i8 to the scale 1/128 around 0"),
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
    "UNPACK": (slicing.unpack, ""),
    "VAR_HANDLE": (variables.var_handle, ""),
    "WHILE": (control.while_, "as many rounds as constants say"),
    "ZEROS_LIKE": (shapes.zeros_like, ""),
}


def supported_ops() -> tuple[SupportedOp, ...]:
    """Every supported TFLite operator, by name."""
    return tuple(SupportedOp(name, restrictions) for name, (_, restrictions) in sorted(HANDLERS.items()))
