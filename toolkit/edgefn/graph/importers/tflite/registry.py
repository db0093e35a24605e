"""The TFLite operators that are supported, and what each is restricted to."""

from collections.abc import Callable

from edgefn.graph.importers.source import SupportedOp
from edgefn.graph.importers.tflite import elementwise, matrix, movement, pooling, recurrent, variables
from edgefn.graph.importers.tflite.scope import Call

__all__ = ["HANDLERS", "supported_ops"]

_ACTIVATION = "fused RELU, RELU6, RELU_N1_TO_1"

HANDLERS: dict[str, tuple[Callable[[Call], str | tuple[str, ...]], str]] = {
    "ADD": (
        elementwise.add,
        f"one shape, or a constant, a vector along the last dimension or an element; {_ACTIVATION}",
    ),
    "ASSIGN_VARIABLE": (variables.assign_variable, ""),
    "AVERAGE_POOL_2D": (pooling.average_pool_2d, _ACTIVATION),
    "BATCH_MATMUL": (matrix.batch_matmul, "f32"),
    "CALL_ONCE": (variables.call_once, "constants assigned to variables"),
    "CONCATENATION": (movement.concatenation, "up to 64 inputs of one quantization"),
    "CONV_2D": (matrix.conv_2d, f"constant weights; group 1; {_ACTIVATION}"),
    "DEPTHWISE_CONV_2D": (
        matrix.depthwise_conv_2d,
        f"constant weights; one output a channel, or one channel; {_ACTIVATION}",
    ),
    "DEQUANTIZE": (elementwise.dequantize, "i8 with one scale; constants of f16 and integers"),
    "EXPAND_DIMS": (movement.named_again, ""),
    "FULLY_CONNECTED": (matrix.fully_connected, f"constant weights, or f32 ones; {_ACTIVATION}"),
    "MAX_POOL_2D": (pooling.max_pool_2d, _ACTIVATION),
    "MEAN": (pooling.mean, "height and width of f32 images"),
    "PAD": (movement.pad, "constant paddings"),
    "QUANTIZE": (
        elementwise.quantize,
        "f32 to i8 with one scale; halves to even, where TFLite rounds them away from zero",
    ),
    "READ_VARIABLE": (variables.read_variable, "after CALL_ONCE or ASSIGN_VARIABLE"),
    "RELU": (elementwise.relu, "input and output of one quantization"),
    "RELU6": (elementwise.relu6, "input and output of one quantization"),
    "RESHAPE": (movement.named_again, ""),
    "SOFTMAX": (elementwise.softmax, "beta 1"),
    "SQUEEZE": (movement.named_again, ""),
    "TRANSPOSE": (movement.transpose, "constant permutation"),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (
        recurrent.unidirectional_sequence_lstm,
        "f32, or i8 with c of i16; constant weights; no projection, layer normalization or coupled gates",
    ),
    "VAR_HANDLE": (variables.var_handle, ""),
}


def supported_ops() -> tuple[SupportedOp, ...]:
    """Every supported TFLite operator, by name."""
    return tuple(SupportedOp(name, restrictions) for name, (_, restrictions) in sorted(HANDLERS.items()))
