"""The trained network as ONNX: in float32, and quantized to int8 in the QuantizeLinear/DequantizeLinear (QDQ) form.

Quantization: int8 weights, symmetric, one scale an output channel, -127..127; int8 activations, one scale and zero
point a tensor, over the range that the training images reach; int32 biases. A Relu is taken together with the layer
before it, so what lies between the two is not rounded. A maximum and a reshape keep the quantization of their input.
Softmax stays in float.
"""

from dataclasses import dataclass

import numpy as np
import onnx
from models.digits.data import Floats
from models.digits.network import AveragePool, Conv, Dense, Depthwise, Flatten, Layer, MaxPool, Network, Relu
from numpy.typing import NDArray
from onnx import helper, numpy_helper

__all__ = ["float_model", "quantized_model"]

OPSET = 17
IR_VERSION = 8
WINDOW = {"kernel_shape": [2, 2], "strides": [2, 2]}


@dataclass(frozen=True, slots=True)
class Range:
    """The int8 grid of an activation: `real = scale * (q - zero_point)`."""

    scale: np.float32
    zero_point: np.int8

    @classmethod
    def of(cls, values: Floats) -> "Range":
        low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
        scale = np.float32((high - low) / 255)
        return cls(scale, np.int8(np.clip(np.rint(-128 - low / scale), -128, 127)))


class _Writer:
    """Nodes and constants of a graph under construction; the value that the next node reads."""

    def __init__(self, ranges: list[Range] | None) -> None:
        self.ranges = ranges
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.value = "image"

    def node(self, op: str, inputs: list[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def rounded(self, index: int) -> None:
        """Put the current value, the network's activation `index`, on its int8 grid."""
        if self.ranges is None:
            return
        name, grid = self.value, self.ranges[index]
        parameters = [
            self.constant(f"{name}_scale", np.array(grid.scale)),
            self.constant(f"{name}_zero", np.array(grid.zero_point)),
        ]
        quantized = self.node("QuantizeLinear", [name, *parameters], f"{name}_q")
        self.value = self.node("DequantizeLinear", [quantized, *parameters], f"{name}_dq")

    def layer(self, layer: Layer, index: int, name: str) -> None:
        """Append `layer`, which reads the network's activation `index`."""
        match layer:
            case Conv():
                self.weighted("Conv", layer, index, name, pads=[layer.k // 2] * 4, kernel_shape=[layer.k] * 2)
            case Depthwise():
                self.weighted(
                    "Conv", layer, index, name, pads=[1] * 4, kernel_shape=[3, 3], group=len(layer.weights[0])
                )
            case Dense():
                self.weighted("Gemm", layer, index, name, transB=1)
            case Relu():
                self.value = self.node("Relu", [self.value], name)
            case MaxPool():
                self.value = self.node("MaxPool", [self.value], name, **WINDOW)
            case AveragePool():
                self.value = self.node("AveragePool", [self.value], name, **WINDOW)
            case Flatten():
                self.value = self.node("Flatten", [self.value], name, axis=1)

    def weighted(self, op: str, layer: Layer, index: int, name: str, **attributes: object) -> None:
        w, bias = layer.weights
        parameters = (
            self.exact(name, w, bias) if self.ranges is None else self.integers(name, w, bias, self.ranges[index].scale)
        )
        self.value = self.node(op, [self.value, *parameters], name, **attributes)

    def exact(self, name: str, w: Floats, bias: Floats) -> list[str]:
        return [self.constant(f"{name}_w", w), self.constant(f"{name}_b", bias)]

    def integers(self, name: str, w: Floats, bias: Floats, input_scale: np.float32) -> list[str]:
        scale: Floats = (np.abs(w).reshape(len(w), -1).max(1) / np.float32(127)).astype(np.float32)
        bias_scale: Floats = (scale * input_scale).astype(np.float32)
        steps = np.rint(w / scale.reshape(-1, *[1] * (w.ndim - 1)))
        return [
            self.constant_dq(f"{name}_w", np.clip(steps, -127, 127).astype(np.int8), scale),
            self.constant_dq(f"{name}_b", np.rint(bias / bias_scale).astype(np.int32), bias_scale),
        ]

    def constant_dq(self, name: str, value: NDArray[np.generic], scale: Floats) -> str:
        zeros = np.zeros(len(scale), value.dtype)
        parts = [
            self.constant(f"{name}{key}", part) for key, part in (("_q", value), ("_scale", scale), ("_zero", zeros))
        ]
        return self.node("DequantizeLinear", parts, f"{name}_dq", axis=0)


def float_model(network: Network) -> onnx.ModelProto:
    return _model(network, None, "digits-f32")


def quantized_model(network: Network, calibration: Floats) -> onnx.ModelProto:
    """The int8 model; `calibration` are training images."""
    values = network.activations(calibration)
    ranges = [Range.of(values[0])]
    for layer, value in zip(network.layers, values[1:], strict=True):
        ranges.append(ranges[-1] if isinstance(layer, MaxPool | Flatten) else Range.of(value))
    return _model(network, ranges, "digits-int8")


def _model(network: Network, ranges: list[Range] | None, name: str) -> onnx.ModelProto:
    writer = _Writer(ranges)
    writer.rounded(0)
    followers: list[Layer | None] = [*network.layers[1:], None]
    for index, (layer, follower) in enumerate(zip(network.layers, followers, strict=True)):
        writer.layer(layer, index, f"{type(layer).__name__.lower()}{index}")
        if not isinstance(follower, Relu):
            writer.rounded(index + 1)
    writer.node("Softmax", [writer.value], "scores", axis=1)
    image = helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, [1, 1, 8, 8])
    scores = helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, [1, 10])
    graph = helper.make_graph(writer.nodes, name, [image], [scores], writer.constants)
    model = helper.make_model(
        graph, producer_name="edgefn", opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    onnx.checker.check_model(model, full_check=True)
    return model
